//! TOML with its line numbers kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::origin::Origin;

/// A file's text and its name, for saying where something is.
pub(super) struct Source {
    pub file: Arc<Path>,
    pub text: String,
}

/// The fields of one `[[members]]` or `[[zones]]` entry.
pub(super) struct Entry {
    /// Where the entry starts.
    pub origin: Origin,
    fields: BTreeMap<String, (String, Origin)>,
}

/// The text of a file.
pub(super) fn text_of(file: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(file).map_err(|source| ConfigError::Unreadable {
        file: file.to_owned(),
        source,
    })
}

impl Source {
    pub fn open(file: &Path) -> Result<Self, ConfigError> {
        Ok(Self {
            file: file.into(),
            text: text_of(file)?,
        })
    }

    pub fn parse(&self) -> Result<Spanned<DeTable<'_>>, ConfigError> {
        DeTable::parse(&self.text).map_err(|error| ConfigError::Syntax {
            file: self.file.to_path_buf(),
            line: self.line(error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        })
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }

    pub fn origin<T>(&self, at: &Spanned<T>) -> Origin {
        Origin::File {
            file: self.file.clone(),
            line: self.line(at.span().start),
        }
    }

    /// The entries of an array of tables, each with none but the `known` fields.
    pub fn entries(
        &self,
        name: &str,
        known: &[&str],
        here: Origin,
        value: &DeValue<'_>,
    ) -> Result<Vec<Entry>, ConfigError> {
        let shape = || ConfigError::Shape {
            origin: here.clone(),
            why: format!("`{name}` is a list of tables: write each under a line [[{name}]]"),
        };
        let mut entries = Vec::new();
        for item in value.as_array().ok_or_else(shape)? {
            let table = item.get_ref().as_table().ok_or_else(shape)?;
            let mut fields = BTreeMap::new();
            for (key, value) in table {
                let origin = self.origin(key);
                let key = key.get_ref().as_ref();
                if !known.contains(&key) {
                    return Err(ConfigError::UnknownKey {
                        origin,
                        key: format!("{name}.{key}"),
                        hint: format!("in [[{name}]] there are {}", known.join(", ")),
                    });
                }
                let text = scalar(key, &origin, value.get_ref())?;
                fields.insert(key.to_owned(), (text, origin));
            }
            entries.push(Entry {
                origin: self.origin(item),
                fields,
            });
        }
        Ok(entries)
    }
}

/// A value in one word, however TOML writes it.
pub(super) fn scalar(
    key: &str,
    origin: &Origin,
    value: &DeValue<'_>,
) -> Result<String, ConfigError> {
    let number = |text: &str, radix| i64::from_str_radix(text, radix).ok();
    match value {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Boolean(value) => Ok(value.to_string()),
        DeValue::Integer(value) => Ok(number(value.as_str(), value.radix())
            .map_or_else(|| value.as_str().to_owned(), |number| number.to_string())),
        other => Err(ConfigError::Shape {
            origin: origin.clone(),
            why: format!("`{key}` is {} and should be one value", other.type_str()),
        }),
    }
}

impl Entry {
    /// A field that may be absent.
    pub fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some((text, origin)) = self.fields.get(key) else {
            return Ok(None);
        };
        read(text).map(Some).map_err(|why| ConfigError::BadValue {
            origin: origin.clone(),
            key: key.to_owned(),
            given: text.clone(),
            why,
        })
    }

    /// A field that must be there.
    pub fn required<T>(
        &self,
        key: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        self.optional(key, read)?.ok_or_else(|| ConfigError::Shape {
            origin: self.origin.clone(),
            why: format!("the entry lacks `{key}`"),
        })
    }
}
