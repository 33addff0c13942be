//! The workspaces that the engine has at hand. Always optimistic: the version check at commit
//! makes it safe to be wrong, so an entry may be dropped at any time between batches.

use hashbrown::HashMap;
use tenure_core::content::DIGEST_BYTES;
use tenure_core::context::Clock;
use tenure_core::name::Key;
use tenure_core::parts::{Needs, settle_needs};
use tenure_core::surroundings::Surroundings;
use tenure_core::workspace::Workspace;

use crate::store::{Guard, RowId, Stored, Version};

/// What one cached workspace is taken to cost without its surroundings, in bytes: its names,
/// its session, its entry.
const ENTRY_BYTES: usize = 1_024;

/// Larger surroundings are not kept: they are read again by the next command that needs them,
/// and beats do not.
const AROUND_BYTES_MAX: usize = 16 << 10;

/// What each escalation, gate, work stream or section is taken to cost beside its content.
const PART_BYTES: usize = 256;

/// The fewest workspaces that are kept, so that any one batch fits.
const ENTRIES_MIN: usize = 16_384;

/// A place in the cache. It may be given to another workspace later, so its key is compared
/// whenever a place was remembered from an earlier batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot(pub u32);

/// A workspace at hand.
#[derive(Debug)]
pub struct Entry {
    /// Its state, including what the batch under way has decided.
    pub workspace: Workspace,
    /// Its row and version in the store; absent while nothing is stored.
    pub stored: Option<(RowId, Version)>,
    /// Its place among the writes of the batch under way.
    pub chain: Option<u32>,
    used: bool,
    bytes: usize,
}

impl Entry {
    /// Whether what is at hand suffices for a command with these needs, and to settle first.
    #[must_use]
    pub fn has(&self, needs: Needs, clock: &Clock) -> bool {
        self.workspace.surroundings.is_some()
            || needs.max(settle_needs(&self.workspace.tenure, clock).unwrap_or(Needs::Tenure))
                == Needs::Tenure
    }

    /// What a write of this entry is guarded by.
    #[must_use]
    pub const fn guard(&self) -> Guard {
        match self.stored {
            None => Guard::Absent,
            Some((row, version)) => Guard::At(row, version),
        }
    }
}

/// A bounded set of workspaces.
#[derive(Debug)]
pub struct Cache {
    slots: Vec<Option<Entry>>,
    by_key: HashMap<Key, Slot>,
    free: Vec<Slot>,
    bytes_max: usize,
    bytes: usize,
    hand: usize,
}

impl Cache {
    /// A cache that holds about `bytes_max` bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self {
            slots: Vec::new(),
            by_key: HashMap::new(),
            free: Vec::new(),
            bytes_max: bytes_max.max(ENTRIES_MIN * ENTRY_BYTES),
            bytes: 0,
            hand: 0,
        }
    }

    /// Makes room before a batch: what was not used since the hand last passed goes first. What
    /// holds decisions that are not stored yet stays.
    pub fn make_room(&mut self) {
        // In the second round nothing is left that was used.
        let mut steps = self.slots.len().saturating_mul(2);
        while self.bytes > self.bytes_max && steps > 0 {
            steps -= 1;
            self.hand = (self.hand + 1) % self.slots.len();
            let Some(entry) = &mut self.slots[self.hand] else { continue };
            if std::mem::take(&mut entry.used) || entry.chain.is_some() {
                continue;
            }
            if let Ok(slot) = u32::try_from(self.hand) {
                self.remove(Slot(slot));
            }
        }
    }

    /// The place of `key`, tried first at `hint`.
    pub fn find(&mut self, key: &Key, hint: Option<Slot>) -> Option<Slot> {
        let hinted = hint.filter(|&slot| self.get(slot).is_some_and(|e| e.workspace.key == *key));
        let slot = hinted.or_else(|| self.by_key.get(key).copied())?;
        if let Some(entry) = self.get_mut(slot) {
            entry.used = true;
        }
        Some(slot)
    }

    /// Takes in what the store holds of `key`. Of a workspace with decisions that are not
    /// stored yet only the surroundings are taken, which those have not needed.
    pub fn insert(&mut self, key: &Key, stored: Option<Stored>) -> Slot {
        let mut workspace = Workspace::unknown(key.clone());
        let at = stored.as_ref().map(|stored| (stored.row, stored.version));
        if let Some(stored) = stored {
            workspace.tenure = stored.tenure;
            workspace.surroundings = stored.surroundings;
        }
        if let Some(&slot) = self.by_key.get(key)
            && let Some(entry) = self.get_mut(slot)
            && entry.chain.is_some()
        {
            entry.workspace.surroundings = workspace.surroundings;
            self.count(slot);
            return slot;
        }
        let entry = Entry { workspace, stored: at, chain: None, used: true, bytes: 0 };
        if let Some(&slot) = self.by_key.get(key) {
            self.remove(slot);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            Slot(u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX))
        });
        self.slots[slot.0 as usize] = Some(entry);
        self.by_key.insert(key.clone(), slot);
        self.count(slot);
        slot
    }

    /// Weighs an entry anew whose surroundings may have changed, and lets go of what is too
    /// large to keep. What is decided ahead stands on it, and keeps it.
    pub fn weigh(&mut self, slot: Slot) {
        let entry = self.slots.get_mut(slot.0 as usize).and_then(Option::as_mut);
        if let Some(entry) = entry.filter(|entry| entry.chain.is_none())
            && entry.workspace.surroundings.as_deref().is_some_and(|a| bytes(a) > AROUND_BYTES_MAX)
        {
            entry.workspace.surroundings = None;
        }
        self.count(slot);
    }

    fn count(&mut self, slot: Slot) {
        let Some(Some(entry)) = self.slots.get_mut(slot.0 as usize) else { return };
        let now = ENTRY_BYTES + entry.workspace.surroundings.as_deref().map_or(0, bytes);
        let before = std::mem::replace(&mut entry.bytes, now);
        self.bytes = self.bytes + now - before;
    }

    /// The entry at `slot`.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<&Entry> {
        self.slots.get(slot.0 as usize)?.as_ref()
    }

    /// The entry at `slot`, to change it.
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.slots.get_mut(slot.0 as usize)?.as_mut()
    }

    /// Drops the entry at `slot`.
    pub fn remove(&mut self, slot: Slot) {
        if let Some(entry) = self.slots.get_mut(slot.0 as usize).and_then(Option::take) {
            self.by_key.remove(&entry.workspace.key);
            self.bytes -= entry.bytes;
            self.free.push(slot);
        }
    }
}

/// What surroundings are taken to cost, in bytes.
fn bytes(around: &Surroundings) -> usize {
    let texts = around.escalations.iter().map(|each| each.reason.len());
    let notes = around.gates.iter().map(|each| each.note.as_deref().map_or(0, str::len));
    let actions = around.handoff.iter().flat_map(|handoff| &handoff.actions);
    let actions = actions.map(|action| action.text.len());
    let contents = around.sections.values().map(|section| section.content.bytes().len());
    let streams = around.progress.work_streams.streams.iter().map(|_| 0);
    let checkpoint = around.checkpoint.iter().map(|kept| kept.content.bytes().len());
    let parts = texts.chain(notes).chain(actions).chain(contents).chain(streams).chain(checkpoint);
    let parts: usize = parts.map(|content| PART_BYTES + content).sum();
    parts + around.imported.len() * DIGEST_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::name::{ProfileName, WorkspaceName};

    fn key(n: usize) -> Key {
        Key {
            workspace: WorkspaceName::imported(&format!("w{n}")),
            profile: ProfileName::default(),
        }
    }

    #[test]
    fn a_stale_hint_is_not_believed() {
        let mut cache = Cache::new(0);
        let slot = cache.insert(&key(1), None);
        cache.remove(slot);
        assert_eq!(cache.insert(&key(2), None), slot);
        assert_eq!(cache.find(&key(1), Some(slot)), None);
        assert_eq!(cache.find(&key(2), None), Some(slot));
    }

    #[test]
    fn stays_within_its_bound_and_keeps_what_is_in_use() {
        let mut cache = Cache::new(0);
        cache.make_room();
        for n in 0..ENTRIES_MIN {
            cache.insert(&key(n), None);
        }
        cache.make_room();
        // Far more come than it holds, so that the hand passes everything several times; the
        // first pass finds everything used and has to take what it meets.
        let mut found = 0;
        for n in 0..4 * ENTRIES_MIN {
            cache.insert(&key(1_000_000 + n), None);
            cache.make_room();
            match cache.find(&key(7), None) {
                Some(_) => found += 1,
                None => {
                    cache.insert(&key(7), None);
                }
            }
        }
        assert!(found >= 4 * ENTRIES_MIN - 1, "found {found} times");
        assert!(cache.by_key.len() <= ENTRIES_MIN + 1);
    }
}
