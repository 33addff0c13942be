//! Opaque bytes of a client, and digests of what is shown.
//!
//! Guarantees: a content is cheap to clone, and its digest is computed once, when it comes in.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The bytes of a digest.
pub const DIGEST_BYTES: usize = 32;

/// A blake3 digest. In JSON it is base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; DIGEST_BYTES]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// Bytes that the service never looks into, with their digest. In JSON they are base64; a store
/// that keeps them by themselves takes [`Content::bytes`] and gives them to [`Content::new`].
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    digest: Digest,
    bytes: Arc<[u8]>,
}

impl Content {
    /// Takes `bytes` in.
    #[must_use]
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::of(&bytes), bytes }
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// Their digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}

impl fmt::Debug for Content {
    // Never the bytes: they may be long, and secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, {:?}", self.bytes.len(), self.digest)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = decode::<D>(deserializer)?;
        bytes.try_into().map(Self).map_err(|_| D::Error::custom("a digest has 32 bytes"))
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.bytes))
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decode::<D>(deserializer).map(Self::new)
    }
}

fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    BASE64.decode(text.as_bytes()).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_and_digests_survive_json_and_are_compact_in_it() {
        for bytes in [&b""[..], b"a", &[0xFF; 1_000]] {
            let content = Content::new(bytes);
            let json = serde_json::to_string(&content).unwrap();
            assert!(json.len() <= 2 + bytes.len() * 4 / 3 + 4);
            assert_eq!(serde_json::from_str::<Content>(&json).unwrap(), content);
            let json = serde_json::to_string(&content.digest()).unwrap();
            assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), content.digest());
        }
        assert!(serde_json::from_str::<Digest>("\"AAAA\"").is_err());
        assert!(serde_json::from_str::<Content>("\"?\"").is_err());
    }

    #[test]
    fn the_bytes_of_a_content_are_never_written_to_a_log() {
        assert!(!format!("{:?}", Content::new(&b"secret"[..])).contains("secret"));
    }
}
