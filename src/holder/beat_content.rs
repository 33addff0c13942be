//! What a beat carries besides keeping the lease.

use crate::{Error, v1};

/// The longest activity, in Unicode scalar values, after trimming.
const ACTIVITY_CHARS_MAX: usize = 280;

/// The longest name of a work stream, in characters.
const WORK_STREAM_CHARS_MAX: usize = 128;

/// What the owner has to say with the next beat. What is absent is unchanged.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BeatContent {
    pub activity: Option<String>,
    pub work_stream: Option<String>,
    pub usage: Option<v1::Usage>,
    pub gates_revision: Option<u64>,
}

impl BeatContent {
    /// The activity, checked here, since a beat that the service refuses renews nothing.
    pub(crate) fn activity(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.chars().count() > ACTIVITY_CHARS_MAX {
            let why = format!("at most {ACTIVITY_CHARS_MAX} characters are accepted");
            return Err(Error::invalid("activity", why));
        }
        let activity = (!text.is_empty()).then(|| text.to_owned());
        Ok(Self { activity, ..Self::default() })
    }

    /// A touch of a work stream, checked here for the same reason.
    pub(crate) fn work_stream(name: &str) -> Result<Self, Error> {
        if name.is_empty() || name.chars().count() > WORK_STREAM_CHARS_MAX {
            let why = format!("1 to {WORK_STREAM_CHARS_MAX} characters are accepted");
            return Err(Error::invalid("work stream", why));
        }
        Ok(Self { work_stream: Some(name.to_owned()), ..Self::default() })
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what was said later, which wins.
    pub(crate) fn add(&mut self, later: Self) {
        self.activity = later.activity.or(self.activity.take());
        self.work_stream = later.work_stream.or(self.work_stream.take());
        self.usage = later.usage.or(self.usage.take());
        self.gates_revision = later.gates_revision.or(self.gates_revision);
    }

    pub(crate) fn into_beat(self, handle: u32) -> v1::Beat {
        v1::Beat {
            handle,
            activity: self.activity,
            work_stream: self.work_stream,
            usage: self.usage.map(Box::new),
            gates_revision: self.gates_revision,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_activity_is_trimmed_and_an_empty_one_says_nothing() {
        assert_eq!(BeatContent::activity("  x ").unwrap().activity.as_deref(), Some("x"));
        assert!(BeatContent::activity(" \n").unwrap().is_empty());
    }

    #[test]
    fn an_activity_is_counted_in_characters_after_trimming() {
        let longest = format!(" {} ", "é".repeat(280));
        assert!(BeatContent::activity(&longest).is_ok());
        assert!(BeatContent::activity(&"é".repeat(281)).is_err());
    }

    #[test]
    fn what_was_said_later_wins() {
        let mut content = BeatContent::activity("one").unwrap();
        content.add(BeatContent { gates_revision: Some(3), ..Default::default() });
        content.add(BeatContent::activity("two").unwrap());
        assert_eq!(content.activity.as_deref(), Some("two"));
        assert_eq!(content.gates_revision, Some(3));
    }
}
