//! Reads TOML with its line numbers kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::{self, Path};
use std::sync::Arc;

use kraft_proto::ids::{NodeId, StoreId};
use kraft_wire::address::Address;
use kraft_wire::rpc::CLIENTS_PORT;
use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::PEERS_PORT;
use super::error::ConfigError;
use super::layers::{FileLayer, Given, Origin};
use super::members::{MemberConfig, parse_store};
use super::settings::{SETTINGS, Setting};
use super::zones::zones_from;

/// A file's text and its name, for saying where something is.
pub(super) struct Source {
    file: Arc<Path>,
    text: String,
}

/// The fields of one `[[members]]` or `[[zones]]` entry.
pub(super) struct Entry {
    /// Where the entry starts.
    pub origin: Origin,
    fields: BTreeMap<String, (String, Origin)>,
}

/// Reads what a configuration file says.
pub(super) fn read(file: &Path, text: String) -> Result<FileLayer, ConfigError> {
    let source = Source {
        file: file.into(),
        text,
    };
    let table = source.parse()?;
    let whole = path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let base = whole.parent().unwrap_or(Path::new(""));
    let mut layer = FileLayer {
        base: base.to_owned(),
        ..FileLayer::default()
    };
    for (key, value) in table.get_ref() {
        let name = key.get_ref().as_ref();
        let here = source.origin(key);
        match (name, value.get_ref()) {
            ("members", value) => layer.members = Some(members_from(&source, here, value)?),
            ("zones", value) => layer.zones = Some(zones_from(&source, here, value)?),
            (section, DeValue::Table(table)) if is_section(section) => {
                for (key, value) in table {
                    let path = format!("{section}.{}", key.get_ref());
                    source.give(&mut layer, path, source.origin(key), value.get_ref(), base)?;
                }
            }
            (name, value) => source.give(&mut layer, name.to_owned(), here, value, base)?,
        }
    }
    if let (Some(given), Some(_)) = (layer.given.get("zones_file"), &layer.zones) {
        return Err(ConfigError::Shape {
            origin: given.origin.clone(),
            why: "the file has both zones_file and [[zones]]: keep one of them".into(),
        });
    }
    Ok(layer)
}

fn is_section(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.section() == name) && !name.is_empty()
}

/// The known names beside an unknown one.
fn hint(path: &str) -> String {
    let section = path.split_once('.').map_or("", |(section, _)| section);
    let known: Vec<&str> = SETTINGS
        .iter()
        .filter(|setting| setting.section() == section)
        .map(Setting::key)
        .collect();
    if section.is_empty() {
        let mut sections: Vec<&str> = SETTINGS.iter().map(Setting::section).collect();
        sections.dedup();
        sections.retain(|section| !section.is_empty());
        return format!(
            "at the top there are {}, [[members]], [[zones]] and the sections [{}]",
            known.join(", "),
            sections.join("], [")
        );
    }
    format!("in [{section}] there are {}", known.join(", "))
}

fn members_from(
    source: &Source,
    here: Origin,
    value: &DeValue<'_>,
) -> Result<Vec<MemberConfig>, ConfigError> {
    let known = ["id", "peers", "clients", "store"];
    source
        .entries("members", &known, here, value)?
        .iter()
        .map(|entry| {
            Ok(MemberConfig {
                id: NodeId(entry.required("id", |text| {
                    text.parse().map_err(|_| "use a whole number".to_owned())
                })?),
                peers: entry.required("peers", |text| Address::read(text, PEERS_PORT))?,
                clients: entry.required("clients", |text| Address::read(text, CLIENTS_PORT))?,
                store: entry
                    .optional("store", parse_store)?
                    .unwrap_or(StoreId::ANY),
            })
        })
        .collect()
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

    fn give(
        &self,
        layer: &mut FileLayer,
        path: String,
        origin: Origin,
        value: &DeValue<'_>,
        base: &Path,
    ) -> Result<(), ConfigError> {
        let Some(setting) = Setting::at(&path) else {
            return Err(ConfigError::UnknownKey {
                origin,
                hint: hint(&path),
                key: path,
            });
        };
        let given = Given {
            text: scalar(&path, &origin, value)?,
            origin,
            base: base.to_owned(),
        };
        layer.given.insert(setting.path, given);
        Ok(())
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
fn scalar(key: &str, origin: &Origin, value: &DeValue<'_>) -> Result<String, ConfigError> {
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
