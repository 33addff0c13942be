//! The effective configuration as text: a file that `--config` would accept, with the origin
//! of every value beside it.

use std::fmt;

use super::error::Origin;
use super::settings;

/// Every setting as it came out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effective {
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    key: &'static str,
    value: toml::Value,
    origin: Origin,
}

impl Effective {
    pub(super) fn push(&mut self, key: &'static str, value: String, origin: Origin) {
        // Plain numbers are written as such.
        let value = value.parse().map_or(toml::Value::String(value), toml::Value::Integer);
        self.rows.push(Row { key, value, origin });
    }

    pub(super) fn push_list(&mut self, key: &'static str, values: Vec<String>, origin: Origin) {
        let value = toml::Value::Array(values.into_iter().map(toml::Value::String).collect());
        self.rows.push(Row { key, value, origin });
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = "";
        for row in &self.rows {
            let Some(setting) = settings::setting(row.key) else { continue };
            if setting.section() != section {
                section = setting.section();
                writeln!(f, "\n[{section}]")?;
            }
            writeln!(f, "{} = {}  # {}", setting.name(), row.value, row.origin)?;
        }
        Ok(())
    }
}
