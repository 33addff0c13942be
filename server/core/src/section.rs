//! Client sections: parts of the projection whose content belongs to a client, such as `git`.
//! Sent with heartbeats, dropped when their session ends.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::name::SectionName;

/// The most client sections of a session.
pub const SECTIONS_MAX: usize = 16;
/// The most bytes of one.
pub const SECTION_MAX_BYTES: usize = 65_536;
/// The most characters of a content type.
pub const CONTENT_TYPE_MAX_CHARS: usize = 128;

/// A client section. An empty content is none: in a report it removes the section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSection {
    /// Its name.
    pub name: SectionName,
    /// The media type of its content; empty when not stated.
    pub content_type: Arc<str>,
    /// The bytes; a store may keep them by themselves.
    pub content: Content,
}
