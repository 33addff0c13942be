//! The fields of a JSON object, by name and type. A field that is null is absent, and so is a
//! text that is empty; fields that nobody asks for are ignored.

use serde_json::{Map, Value};

use super::LegacyError;

/// The fields of a file, or of one of its entries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    entry: Option<usize>,
}

impl<'a> Fields<'a> {
    pub(super) const fn of_file(object: &'a Map<String, Value>) -> Self {
        Self { object, entry: None }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// The error that the field `name` is `what`.
    pub(super) fn wrong(&self, name: &str, what: impl Into<String>) -> LegacyError {
        let path = match self.entry {
            None => name.to_owned(),
            Some(at) => format!("entries[{at}].{name}"),
        };
        LegacyError::Field { path, what: what.into() }
    }

    /// A text that may be absent.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, LegacyError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.wrong(name, "is not a text")),
        }
    }

    pub(super) fn required_text(&self, name: &str) -> Result<&'a str, LegacyError> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// A number that may be absent.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, LegacyError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_u64();
        number.map(Some).ok_or_else(|| self.wrong(name, "is not a whole number of 0 or more"))
    }

    pub(super) fn required_number(&self, name: &str) -> Result<u64, LegacyError> {
        self.number(name)?.ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// Refuses a text of the field `name` that has more than `max` characters.
    pub(super) fn at_most_chars(
        &self,
        name: &str,
        text: &'a str,
        max: usize,
    ) -> Result<&'a str, LegacyError> {
        match text.chars().nth(max) {
            None => Ok(text),
            Some(_) => Err(self.wrong(name, format!("has more than {max} characters"))),
        }
    }

    /// The same for bytes.
    pub(super) fn at_most_bytes(
        &self,
        name: &str,
        text: &'a str,
        max: usize,
    ) -> Result<&'a str, LegacyError> {
        if text.len() <= max {
            return Ok(text);
        }
        Err(self.wrong(name, format!("has more than {max} bytes")))
    }

    /// The entries of a file.
    pub(super) fn entries(
        &self,
    ) -> Result<impl Iterator<Item = Result<Self, LegacyError>>, LegacyError> {
        let Some(Value::Array(entries)) = self.get("entries") else {
            return Err(self.wrong("entries", "is not a list"));
        };
        Ok(entries.iter().enumerate().map(|(at, entry)| match entry {
            Value::Object(object) => Ok(Self { object, entry: Some(at) }),
            _ => Err(LegacyError::Field {
                path: format!("entries[{at}]"),
                what: "is not an object".to_owned(),
            }),
        }))
    }
}
