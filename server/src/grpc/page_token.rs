//! Page tokens: where a list continues, opaque to callers.
//!
//! Guarantees: a token opens only for the list and the filter that it was made for; garbage and
//! tokens that were tampered with by accident do not open. It is no secret and no permission:
//! whoever forges one sees only what it may list anyway.

/// The first byte of every token; raised when the form changes.
const VERSION: u8 = 1;
/// How much of the digest a token holds.
const CHECKSUM_BYTES: usize = 8;
/// The most bytes of a position: a key's two names, an id, which may be an imported one, and
/// what stands between them.
pub const POSITION_MAX_BYTES: usize = 1_024;

/// What tokens belong to: one list with one filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope([u8; 32]);

impl Scope {
    /// The scope of the list `rpc` with a filter, in any unambiguous encoding.
    #[must_use]
    pub fn new(rpc: &'static str, filter: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(rpc.as_bytes()).update(&[0]).update(filter);
        Self(*hasher.finalize().as_bytes())
    }

    /// The token of `position`.
    #[must_use]
    pub fn seal(&self, position: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(1 + CHECKSUM_BYTES + position.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.checksum(position));
        bytes.extend_from_slice(position);
        hex(&bytes)
    }

    /// The position in a token; absent if it is not one of this scope.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<Vec<u8>> {
        if token.len() > 2 * (1 + CHECKSUM_BYTES + POSITION_MAX_BYTES) {
            return None;
        }
        let bytes = unhex(token)?;
        let (&version, rest) = bytes.split_first()?;
        let (checksum, position) = rest.split_at_checked(CHECKSUM_BYTES)?;
        let genuine = version == VERSION && checksum == self.checksum(position);
        genuine.then(|| position.to_vec())
    }

    fn checksum(&self, position: &[u8]) -> [u8; CHECKSUM_BYTES] {
        let digest = blake3::keyed_hash(&self.0, position);
        let mut checksum = [0; CHECKSUM_BYTES];
        checksum.copy_from_slice(&digest.as_bytes()[..CHECKSUM_BYTES]);
        checksum
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_opens_only_for_its_list_and_filter() {
        let scope = Scope::new("ListSessions", b"filter");
        let token = scope.seal(b"acme/api");
        assert_eq!(scope.open(&token).as_deref(), Some(&b"acme/api"[..]));
        assert_eq!(Scope::new("ListSessions", b"other").open(&token), None);
        assert_eq!(Scope::new("ListEvents", b"filter").open(&token), None);
    }

    #[test]
    fn a_token_of_another_version_does_not_open() {
        let scope = Scope::new("ListSessions", b"");
        let token = scope.seal(b"acme/api");
        assert_eq!(scope.open(&format!("02{}", &token[2..])), None);
    }

    #[test]
    fn a_huge_token_is_refused_unread() {
        let scope = Scope::new("ListSessions", b"");
        assert_eq!(scope.open(&scope.seal(&[0; POSITION_MAX_BYTES + 1])), None);
        assert!(scope.open(&scope.seal(&[0; POSITION_MAX_BYTES])).is_some());
    }

    proptest! {
        #[test]
        fn any_position_comes_back(position in prop::collection::vec(any::<u8>(), 0..POSITION_MAX_BYTES)) {
            let scope = Scope::new("ListSessions", b"f");
            prop_assert_eq!(scope.open(&scope.seal(&position)), Some(position));
        }

        #[test]
        fn garbage_does_not_open(token in "\\PC*|[0-9a-fA-F]{0,60}") {
            prop_assert_eq!(Scope::new("ListSessions", b"f").open(&token), None);
        }

        #[test]
        fn a_changed_digit_does_not_open(at in 0_usize..34, digit in 0_u32..16) {
            let scope = Scope::new("ListSessions", b"f");
            let token = scope.seal(b"acme/api");
            let digit = char::from_digit(digit, 16).unwrap();
            let mut changed: Vec<char> = token.chars().collect();
            prop_assume!(changed[at] != digit);
            changed[at] = digit;
            prop_assert_eq!(scope.open(&changed.into_iter().collect::<String>()), None);
        }
    }
}
