//! What is wrong with a request, collected so that the caller learns all of it at once.

use std::borrow::Cow;

use tenure_core::command::Command;
use tenure_core::name::{Key, NameError, ProfileName, WorkspaceName};

use crate::engine::Once;

/// A request for the engine, still without its caller.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// Which workspace.
    pub key: Key,
    /// What to do.
    pub command: Command,
    /// Set if the request has an id.
    pub once: Option<Once>,
}

/// One bad field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What it is in; absent for a field of the request itself.
    pub within: Option<Within>,
    /// Its path, in that if it is in something; empty means that itself.
    pub field: &'static str,
    /// What is wrong with it, and the accepted form; never the caller's own text.
    pub description: Cow<'static, str>,
}

/// The part of a request that a field is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// A message.
    Message(&'static str),
    /// An item of a list, from 0.
    Item(&'static str, usize),
}

impl Violation {
    /// The path from the request, as in `google.rpc.BadRequest`.
    #[must_use]
    pub fn path(&self) -> Cow<'static, str> {
        match (self.within, self.field) {
            (None, field) => Cow::Borrowed(field),
            (Some(Within::Message(message)), "") => Cow::Borrowed(message),
            (Some(Within::Message(message)), field) => Cow::Owned(format!("{message}.{field}")),
            (Some(Within::Item(list, at)), "") => Cow::Owned(format!("{list}[{at}]")),
            (Some(Within::Item(list, at)), field) => Cow::Owned(format!("{list}[{at}].{field}")),
        }
    }
}

/// The bad fields of one request; as many as it has fields at most.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// The one violation of a request.
    #[must_use]
    pub fn one(field: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        let mut violations = Self::default();
        violations.add(field, description);
        violations
    }

    /// Notes a bad field.
    pub fn add(&mut self, field: &'static str, description: impl Into<Cow<'static, str>>) {
        self.0.push(Violation { within: None, field, description: description.into() });
    }

    /// Parses an item of a list; whatever is noted meanwhile is noted of that item.
    pub fn in_item<T>(
        &mut self,
        list: &'static str,
        at: usize,
        parse: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.within(Within::Item(list, at), parse)
    }

    /// Parses a message in the request; whatever is noted meanwhile is noted of that message.
    pub fn in_message<T>(
        &mut self,
        message: &'static str,
        parse: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.within(Within::Message(message), parse)
    }

    fn within<T>(&mut self, within: Within, parse: impl FnOnce(&mut Self) -> T) -> T {
        let noted = self.0.len();
        let parsed = parse(self);
        for violation in &mut self.0[noted..] {
            violation.within = Some(within);
        }
        parsed
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bad fields, in the order in which they were noted.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }

    /// Parses a field that must be there.
    pub fn required<T>(
        &mut self,
        field: &'static str,
        text: &str,
        parse: fn(&str) -> Result<T, NameError>,
    ) -> Option<T> {
        parse(text).map_err(|NameError(why)| self.add(field, why)).ok()
    }

    /// Parses a field that may be absent, but not empty.
    pub fn optional<T>(
        &mut self,
        field: &'static str,
        text: Option<&str>,
        parse: fn(&str) -> Result<T, NameError>,
    ) -> Option<T> {
        text.and_then(|text| self.required(field, text, parse))
    }

    /// Parses a field whose empty text means that it is not there.
    pub fn unless_empty<T>(
        &mut self,
        field: &'static str,
        text: &str,
        parse: fn(&str) -> Result<T, NameError>,
    ) -> Option<T> {
        self.optional(field, (!text.is_empty()).then_some(text), parse)
    }

    /// Parses the name of a workspace and its profile.
    pub fn key(&mut self, workspace: &str, profile: &str) -> Option<Key> {
        let workspace = self.required("workspace", workspace, WorkspaceName::parse);
        let profile = self.required("profile", profile, ProfileName::parse);
        Some(Key { workspace: workspace?, profile: profile? })
    }
}
