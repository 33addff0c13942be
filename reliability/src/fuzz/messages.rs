//! Messages of any type, made from its descriptor: plausible ones, and nasty ones.
//!
//! Guarantees: every field of every message can get every kind of value that its type allows and
//! some that it does not (enum numbers without name, fields that nobody knows); messages are
//! bounded in depth and size.
//!
//! Must not know: what any field is for, but for the names that make a message plausible.

use fastrand::Rng;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

/// How deep messages are nested at most.
const DEPTH_MAX: u32 = 6;
/// The longest nasty text, in bytes: more than any bound of the contract, less than a message.
const TEXT_MAX: usize = 70_000;
/// Of a hundred values, how many are nasty in a message that is to be so.
const NASTY_PERCENT: u8 = 30;

/// The workspaces that messages are about. The one that must stay unharmed is not among them.
pub const WORKSPACES: [&str; 3] = ["fuzz/a", "fuzz/b", "fuzz/c"];

/// Values that are worth trying where a whole number is asked for.
const NUMBERS: [i64; 12] =
    [0, 1, -1, 2, 1_000, 1_001, 65_536, 1 << 31, 1 << 40, 1 << 62, i64::MAX, i64::MIN];

/// Texts that are worth trying, beside very long ones.
const TEXTS: [&str; 12] = [
    "",
    " ",
    "\u{0}",
    "\u{1b}[31mred\u{7}",
    "\u{202e}evil\u{2066}",
    "../..",
    "/acme//api/",
    "'; rm -rf / #",
    "\u{10ffff}\u{feff}",
    "{{{{{{[[[[",
    "%s%n%x",
    "interactive",
];

/// Makes messages.
#[derive(Debug)]
pub struct Messages<'a> {
    /// Where all choices come from.
    pub chance: &'a mut Rng,
    /// Whether some values are nasty.
    pub nasty: bool,
    /// Ids of sessions that exist.
    pub session_ids: &'a [String],
    /// Files of older installations.
    pub files: &'a [Vec<u8>],
}

impl Messages<'_> {
    /// A message of this type.
    pub fn any(&mut self, descriptor: &MessageDescriptor) -> DynamicMessage {
        self.message(descriptor, DEPTH_MAX)
    }

    fn message(&mut self, descriptor: &MessageDescriptor, depth: u32) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields() {
            // Of a oneof the last field that is set stays.
            let fills = match field.containing_oneof() {
                Some(oneof) if oneof.fields().len() > 1 => self.chance.u8(0..2) == 0,
                _ => self.chance.u8(0..4) > 0,
            };
            if fills && (depth > 0 || !matches!(field.kind(), Kind::Message(_))) {
                let value = self.field(&field, depth);
                // A value of a wrong type is refused here, and then the field stays unset.
                let _ = message.try_set_field(&field, value);
            }
        }
        message
    }

    fn field(&mut self, field: &FieldDescriptor, depth: u32) -> Value {
        if field.is_map() {
            let count = self.count();
            let entries = (0..count).map(|_| {
                let key = MapKey::String(self.text(field.name()));
                (key, Value::String(self.text("label")))
            });
            return Value::Map(entries.collect());
        }
        if field.is_list() {
            let count = if depth < DEPTH_MAX - 1 { self.count().min(3) } else { self.count() };
            return Value::List((0..count).map(|_| self.single(field, depth)).collect());
        }
        self.single(field, depth)
    }

    fn single(&mut self, field: &FieldDescriptor, depth: u32) -> Value {
        match field.kind() {
            Kind::Bool => Value::Bool(self.chance.bool()),
            Kind::String => Value::String(self.text(field.name())),
            Kind::Bytes => Value::Bytes(self.bytes().into()),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(truncated(self.number())),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(self.number()),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(truncated(self.number()).cast_unsigned()),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(self.number().cast_unsigned()),
            Kind::Double => Value::F64(f64::from_bits(self.chance.u64(..))),
            Kind::Float => Value::F32(f32::from_bits(self.chance.u32(..))),
            Kind::Enum(kind) => {
                let named = self.chance.usize(0..kind.values().len());
                let named = kind.values().nth(named).map_or(0, |value| value.number());
                Value::EnumNumber(if self.is_nasty() { truncated(self.number()) } else { named })
            }
            Kind::Message(kind) if kind.full_name() == "google.protobuf.Duration" => {
                Value::Message(self.duration(&kind))
            }
            Kind::Message(kind) => Value::Message(self.message(&kind, depth.saturating_sub(1))),
        }
    }

    /// Mostly one that the contract allows: a lease, a grace, a wait.
    fn duration(&mut self, kind: &MessageDescriptor) -> DynamicMessage {
        let mut duration = DynamicMessage::new(kind.clone());
        let nasty = self.is_nasty();
        let seconds = if nasty { self.number() } else { self.chance.i64(1..20) };
        let nanos = if nasty { truncated(self.number()) } else { 0 };
        duration.set_field_by_name("seconds", Value::I64(seconds));
        duration.set_field_by_name("nanos", Value::I32(nanos));
        duration
    }

    fn text(&mut self, name: &str) -> String {
        if self.is_nasty() {
            return match self.chance.u8(0..10) {
                0 => "x".repeat(self.chance.usize(0..TEXT_MAX)),
                1 => "\u{202e}\u{1b}".repeat(self.chance.usize(0..TEXT_MAX / 4)),
                2 => (0..self.chance.usize(0..300)).map(|_| self.chance.char(..)).collect(),
                _ => TEXTS[self.chance.usize(0..TEXTS.len())].to_owned(),
            };
        }
        let pick = |chance: &mut Rng, of: &[&str]| of[chance.usize(0..of.len())].to_owned();
        match name {
            "workspace" => pick(self.chance, &WORKSPACES),
            "prefix" | "profile" => pick(self.chance, &["", "fuzz", "main"]),
            "request_id" => {
                let digits = format!("{:032x}", self.chance.u128(..));
                format!(
                    "{}-{}-{}-{}-{}",
                    &digits[..8],
                    &digits[8..12],
                    &digits[12..16],
                    &digits[16..20],
                    &digits[20..]
                )
            }
            "session_id" | "expected_session_id" if !self.session_ids.is_empty() => {
                self.session_ids[self.chance.usize(0..self.session_ids.len())].clone()
            }
            "page_token" => String::new(),
            _ => pick(self.chance, &["ann", "bob", "git", "m-1", "because"]),
        }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let mut bytes = match self.files {
            [] => vec![0; 8],
            files => files[self.chance.usize(0..files.len())].clone(),
        };
        if self.is_nasty() {
            super::mutation::mutate(self.chance, &mut bytes);
        }
        bytes
    }

    fn number(&mut self) -> i64 {
        match self.is_nasty() {
            true if self.chance.bool() => self.chance.i64(..),
            true => NUMBERS[self.chance.usize(0..NUMBERS.len())],
            false => self.chance.i64(0..6),
        }
    }

    fn count(&mut self) -> usize {
        match self.is_nasty() && self.chance.u8(0..8) == 0 {
            true => self.chance.usize(0..1_100),
            false => self.chance.usize(0..4),
        }
    }

    fn is_nasty(&mut self) -> bool {
        self.nasty && self.chance.u8(0..100) < NASTY_PERCENT
    }
}

/// The low half.
#[expect(clippy::cast_possible_truncation, reason = "any number will do")]
const fn truncated(number: i64) -> i32 {
    number as i32
}
