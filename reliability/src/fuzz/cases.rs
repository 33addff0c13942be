//! What is sent: for every method that the compiled descriptors know, so that a new one is tried
//! without anybody remembering it.

use anyhow::Context;
use fastrand::Rng;
use prost::Message as _;
use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor};

use super::messages::Messages;
use super::mutation::mutate;
use super::wire::framed;
use crate::history::lines::{bytes, hex};

/// The most messages of one stream.
const STREAM_MAX: usize = 20;
/// A message larger than any but an import may be.
const TOO_LARGE: usize = (1 << 20) + 1;

/// One method of the contract.
#[derive(Debug, Clone)]
pub struct Method {
    /// `/package.Service/Method`.
    pub path: String,
    /// What it is sent.
    pub input: MessageDescriptor,
    /// Whether the client sends a stream.
    pub streams: bool,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its number in the run.
    pub number: u64,
    /// Which method.
    pub method: Method,
    /// All bytes of its body.
    pub body: Vec<u8>,
    /// Whether the client does not end its side.
    pub stays_open: bool,
    /// Whether the body is known to be one that the method can read.
    pub intact: bool,
}

/// Every method of the contract.
///
/// # Errors
/// If the compiled descriptors cannot be read.
pub fn methods() -> anyhow::Result<Vec<Method>> {
    let pool = DescriptorPool::decode(tenure::FILE_DESCRIPTOR_SET)?;
    let method = |method: MethodDescriptor| Method {
        path: format!("/{}/{}", method.parent_service().full_name(), method.name()),
        input: method.input(),
        streams: method.is_client_streaming(),
    };
    Ok(pool.services().flat_map(|s| s.methods().map(method).collect::<Vec<_>>()).collect())
}

impl Case {
    /// The `number`th case of a run, which is a call of `method`.
    pub fn new(
        number: u64,
        method: &Method,
        chance: &mut Rng,
        session_ids: &[String],
        files: &[Vec<u8>],
    ) -> Self {
        let kind = chance.u8(0..10);
        let nasty = kind < 4;
        let count = if method.streams { chance.usize(1..=STREAM_MAX) } else { 1 };
        let mut messages = Messages { chance: &mut *chance, nasty, session_ids, files };
        let encoded: Vec<Vec<u8>> =
            (0..count).map(|_| messages.any(&method.input).encode_to_vec()).collect();
        let body = match kind {
            0..=5 => encoded.iter().flat_map(|message| framed(message)).collect(),
            6..=8 => {
                let mutated = encoded.into_iter().map(|mut message| {
                    mutate(chance, &mut message);
                    framed(&message)
                });
                mutated.flatten().collect()
            }
            _ => misframed(chance, &encoded),
        };
        let stays_open = chance.u8(0..100) < if method.streams { 30 } else { 3 };
        let intact = kind < 6;
        Self { number, method: method.clone(), body, stays_open, intact }
    }

    /// The case as a line that [`Case::read`] understands.
    #[must_use]
    pub fn written(&self) -> String {
        format!("{} {} {}", self.method.path, u8::from(self.stays_open), hex(&self.body))
    }

    /// The case that was written.
    ///
    /// # Errors
    /// If the line is no case.
    pub fn read(line: &str) -> anyhow::Result<Self> {
        let mut words = line.split(' ');
        let (Some(path), Some(open)) = (words.next(), words.next()) else {
            anyhow::bail!("a case is a path, 0 or 1, and the body in hex");
        };
        let method = methods()?.into_iter().find(|method| method.path == path);
        let method = method.with_context(|| format!("no method {path}"))?;
        let body = bytes(words.next().unwrap_or_default().trim())?;
        Ok(Self { number: 0, method, body, stays_open: open == "1", intact: false })
    }
}

/// A body whose frames are not what they say.
fn misframed(chance: &mut Rng, messages: &[Vec<u8>]) -> Vec<u8> {
    let message = messages.first().cloned().unwrap_or_default();
    let mut body = framed(&message);
    match chance.u8(0..10) {
        // Said to be compressed, or to be something that there is not.
        0 => body[0] = 1,
        1 => body[0] = chance.u8(2..),
        // More is announced than comes: a little, much, and all that can be.
        2 => body[4] = body[4].saturating_add(1).max(1),
        3 => body[1..5].copy_from_slice(&(1_u32 << 20).to_be_bytes()),
        4 => body[1..5].copy_from_slice(&u32::MAX.to_be_bytes()),
        // Not even a whole head.
        5 => body.truncate(chance.usize(0..5)),
        // Twice, where once is right.
        6 => body.extend_from_within(..),
        7 => body.clear(),
        8 => body = framed(&vec![0x0a; TOO_LARGE]),
        _ => mutate(chance, &mut body),
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_every_service_is_known() {
        let methods = methods().unwrap();
        let compiled = include_str!("../../../proto/tenure/v1/lease.proto");
        let declared = compiled.lines().filter(|line| line.trim_start().starts_with("rpc "));
        let lease = methods.iter().filter(|m| m.path.starts_with("/tenure.v1.LeaseService/"));
        assert_eq!(lease.count(), declared.count());
        assert!(methods.iter().any(|method| method.streams));
    }

    #[test]
    fn the_same_seed_makes_the_same_case_and_a_case_can_be_written_down() {
        for method in methods().unwrap() {
            let case = || Case::new(3, &method, &mut Rng::with_seed(7), &[], &[]);
            let made = case();
            assert_eq!(Case::read(&made.written()).unwrap().body, made.body);
            // The entries of a map are encoded in any order.
            assert_eq!(case().body.len(), made.body.len(), "{}", method.path);
        }
    }
}
