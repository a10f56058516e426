//! What was given where, the later winning.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kraft_proto::zones::ZoneTable;

use super::error::ConfigError;
use super::file::{self, Given};
use super::members::MemberConfig;
use super::options::Config;
use super::origin::Origin;
use super::render::{self, Detail};
use super::settings::{SETTINGS, Setting};
use super::source;
use super::zones::read_zones;

/// Variables that are not options of a node, and yet are kraft's.
const OTHER_VARIABLES: [&str; 6] = [
    "KRAFT_CONFIG",
    "KRAFT_DEADLINE",
    "KRAFT_LOG",
    "KRAFT_MODE",
    "KRAFT_FSYNC",
    "KRAFT_TIMEOUT",
];

/// Files, variables and flags, in the order they are added: the later wins.
#[derive(Debug, Default)]
pub struct Layers {
    given: BTreeMap<&'static str, Given>,
    members: Option<Vec<MemberConfig>>,
    zones: Option<ZoneTable>,
    base: PathBuf,
    ignored: Vec<String>,
}

impl Layers {
    /// Nothing but defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what a file says.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is not TOML, or holds what is not known.
    pub fn file(self, file: &Path) -> Result<Self, ConfigError> {
        self.text(file, source::text_of(file)?)
    }

    /// Adds what a file of this name would say with this text. The file is not looked at.
    ///
    /// # Errors
    ///
    /// When it is not TOML, or holds what is not known.
    pub fn text(mut self, file: &Path, text: impl Into<String>) -> Result<Self, ConfigError> {
        let layer = file::read(file, text.into())?;
        if layer.zones.is_some() {
            self.given.remove("zones_file");
            self.zones = layer.zones;
        }
        if layer.members.is_some() {
            self.given.remove("members");
            self.members = layer.members;
        }
        self.given.extend(layer.given);
        self.base = layer.base;
        Ok(self)
    }

    /// Adds the `KRAFT_*` variables among these. One that is not known is set aside and can be
    /// asked for with [`Layers::ignored`]: orchestrators set variables of their own under a
    /// service's name.
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        for (name, text) in variables {
            let Some(word) = name.strip_prefix("KRAFT_") else {
                continue;
            };
            match Setting::named(&word.to_ascii_lowercase()) {
                Some(setting) => self.give(setting, text, Origin::Variable(name)),
                None if OTHER_VARIABLES.contains(&name.as_str()) => {}
                None => self.ignored.push(name),
            }
        }
        self.ignored.sort_unstable();
        self
    }

    /// Adds the variables of this process.
    pub fn process_environment(self) -> Self {
        let words = std::env::vars_os()
            .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        self.environment(words)
    }

    /// Adds a flag.
    pub fn flag(mut self, setting: &'static Setting, text: String) -> Self {
        self.give(setting, text, Origin::Flag(setting.flag()));
        self
    }

    fn give(&mut self, setting: &'static Setting, text: String, origin: Origin) {
        let given = Given {
            text,
            origin,
            base: PathBuf::new(),
        };
        self.given.insert(setting.path, given);
    }

    /// `KRAFT_*` variables that name no option.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The configuration all of this adds up to.
    ///
    /// # Errors
    ///
    /// When a value cannot be read or does not fit the others.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let mut config = self.defaults();
        if let Some(members) = &self.members {
            config.members.clone_from(members);
        }
        self.apply(&mut config, "preset")?;
        config.durability = config.preset.durability();
        for setting in SETTINGS {
            self.apply(&mut config, setting.path)?;
        }
        config.zones = match (&config.zones_file, &self.zones) {
            (Some(file), _) => read_zones(file)?,
            (None, Some(zones)) => zones.clone(),
            (None, None) => ZoneTable::default(),
        };
        config.check()?;
        Ok(config)
    }

    /// The defaults; files that nobody names are looked for beside the configuration.
    fn defaults(&self) -> Config {
        let mut config = Config::default();
        for path in [
            &mut config.data_dir,
            &mut config.tls.ca,
            &mut config.tls.cert,
            &mut config.tls.key,
        ] {
            *path = self.base.join(&*path);
        }
        config
    }

    fn apply(&self, config: &mut Config, path: &'static str) -> Result<(), ConfigError> {
        let Some((given, setting)) = self.given.get(path).zip(Setting::at(path)) else {
            return Ok(());
        };
        (setting.set)(config, &given.text, &given.base).map_err(|why| ConfigError::BadValue {
            origin: given.origin.clone(),
            key: setting.path.to_owned(),
            given: given.text.clone(),
            why,
        })
    }

    /// The configuration as a TOML file, each line saying where its value comes from.
    ///
    /// # Errors
    ///
    /// As [`Layers::config`].
    pub fn effective(&self) -> Result<String, ConfigError> {
        let config = self.config()?;
        Ok(render::render(
            &config,
            Detail::Origins(&|setting| self.origin(&config, setting)),
        ))
    }

    fn origin(&self, config: &Config, setting: &Setting) -> String {
        if let Some(given) = self.given.get(setting.path) {
            return given.origin.to_string();
        }
        if (setting.show)(config) == (setting.show)(&self.defaults()) {
            "default".into()
        } else {
            format!("preset {}", config.preset)
        }
    }
}

impl Config {
    /// Reads the file, the variables of this process and nothing else.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or an option is unknown or makes no sense.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        Layers::new()
            .file(file)?
            .environment(std::env::vars())
            .config()
    }

    /// The configuration as a file to start from: what differs from the defaults is set, and
    /// everything else is there as a comment.
    pub fn to_file(&self) -> String {
        render::render(self, Detail::Guide)
    }

    /// The configuration of a client: which cluster, which certificate, and where the members are.
    pub fn to_client_file(&self) -> String {
        render::render_client(self)
    }
}
