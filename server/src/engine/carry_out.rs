//! Carries a batch out: load, decide, commit, and again for those that met a conflict.

use tenure_core::parts::Needs;

use crate::engine::Failure;
use crate::engine::cache::Slot;
use crate::engine::deciding::Deciding;
use crate::engine::item::Item;
use crate::engine::run::{Runner, Stop};
use crate::store::{Load, StoreError, StoredOutcome};

/// How often a workspace's commands are decided anew after conflicts.
pub const ATTEMPTS_MAX: usize = 8;

/// What came of deciding some items.
pub(crate) struct Decided {
    /// Those who waited and are served.
    pub granted: Vec<Item>,
    /// The places of the items that cannot be part of this batch, in order.
    pub postponed: Vec<usize>,
}

impl Runner {
    /// Carries out what was decided ahead and the items, and answers all of them. Gives the
    /// emptied list back.
    pub async fn carry_out(&mut self, mut items: Vec<Item>) -> Result<Vec<Item>, Stop> {
        for _ in 0..ATTEMPTS_MAX {
            self.cache.make_room();
            let outcomes = match self.load(&mut items).await {
                Ok(outcomes) => outcomes,
                Err(error) => {
                    tracing::error!(?error, "the store cannot be read");
                    self.tell();
                    self.take_back_ahead();
                    self.hold_the_clock();
                    self.fail(items, &Failure::Store(error));
                    return Ok(Vec::new());
                }
            };
            let Decided { granted, postponed } = self.decide(&mut items, &outcomes);
            for place in postponed.into_iter().rev() {
                self.deferred.insert(0, items.remove(place));
            }
            items.extend(granted);
            if !self.ahead.is_empty() {
                let mut ahead = std::mem::take(&mut self.ahead);
                ahead.append(&mut items);
                items = ahead;
            }
            items = self.commit(items).await?;
            if items.is_empty() {
                return Ok(items);
            }
        }
        self.tell();
        self.fail(items, &Failure::Conflict);
        Ok(Vec::new())
    }

    /// Brings the items' workspaces into the cache, and reads the outcomes of earlier requests.
    async fn load(&mut self, items: &mut [Item]) -> Result<Vec<StoredOutcome>, StoreError> {
        let mut load = Load::default();
        for item in items.iter_mut() {
            item.slot = self.at_hand(item);
            if item.slot.is_none() {
                load.keys.push((item.key().clone(), self.needs(item)));
            }
            load.outcomes.extend(item.outcome());
        }
        if load.keys.is_empty() && load.outcomes.is_empty() {
            return Ok(Vec::new());
        }
        let outcomes = self.bring(load).await?;
        // Only the tenure tells whether something has come due that needs more than the tenure.
        let mut load = Load::default();
        for item in items.iter_mut().filter(|item| item.slot.is_none()) {
            item.slot = self.at_hand(item);
            if item.slot.is_none() {
                load.keys.push((item.key().clone(), Needs::Everything));
            }
        }
        if !load.keys.is_empty() {
            self.bring(load).await?;
            for item in items.iter_mut().filter(|item| item.slot.is_none()) {
                item.slot = self.cache.find(item.key(), None);
            }
        }
        let now = self.now().now.lease;
        Ok(outcomes.into_iter().flatten().filter(|outcome| outcome.keep_until > now).collect())
    }

    /// Asks the store, and brings what it tells of workspaces into the cache.
    async fn bring(&mut self, mut load: Load) -> Result<Vec<Option<StoredOutcome>>, StoreError> {
        // Of one workspace's needs the greatest comes first, and stays.
        load.keys.sort_unstable_by(|(a, one), (b, other)| (a, other).cmp(&(b, one)));
        load.keys.dedup_by(|(later, _), (earlier, _)| later == earlier);
        let keys = load.keys.clone();
        let loaded = self.store.load(load).await?;
        for ((key, _), stored) in keys.iter().zip(loaded.workspaces) {
            self.cache.insert(key, stored);
        }
        Ok(loaded.outcomes)
    }

    /// Where an item's workspace is in the cache, with all that is needed to decide the item,
    /// and to serve those who wait.
    pub fn at_hand(&mut self, item: &Item) -> Option<Slot> {
        let clock = self.now();
        let slot = self.cache.find(item.key(), item.hint())?;
        self.cache.get(slot)?.has(self.needs(item), &clock).then_some(slot)
    }

    fn needs(&self, item: &Item) -> Needs {
        if self.waits.has(item.key()) { Needs::Everything } else { item.needs() }
    }

    /// Decides items whose workspaces are in the cache.
    pub fn decide(&mut self, items: &mut [Item], outcomes: &[StoredOutcome]) -> Decided {
        let mut deciding = Deciding {
            clock: self.clock.clock(),
            chains: &mut self.chains,
            cordons: &self.cordons,
            waits: &mut self.waits,
            granted: Vec::new(),
            outcomes,
            service: &self.service,
            ids: &*self.ids,
            no_session_id: &self.no_session_id,
            no_escalation_id: &self.no_escalation_id,
            work_stream_half_life: self.work_stream_half_life,
            revision_floor: self.revision_floor,
            registration_required: self.registration_required,
            last: None,
        };
        let mut postponed = Vec::new();
        for (place, item) in items.iter_mut().enumerate() {
            // Every item's workspace was loaded, so it has a slot and the slot an entry.
            let slot = item.slot;
            if let Some((slot, entry)) = slot.and_then(|at| Some((at, self.cache.get_mut(at)?)))
                && !deciding.item(item, slot, entry)
            {
                postponed.push(place);
            }
        }
        self.revision_floor = deciding.revision_floor;
        Decided { granted: deciding.granted, postponed }
    }
}
