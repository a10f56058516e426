//! Every option of a node as a flag.

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::config::Layers;
use crate::config::settings::{SETTINGS, Setting};

/// The flags that were given.
#[derive(Clone, Debug, Default)]
pub struct SettingFlags {
    given: Vec<(&'static Setting, String)>,
}

impl SettingFlags {
    /// Adds them as the last word.
    pub fn onto(self, layers: Layers) -> Layers {
        self.given
            .into_iter()
            .fold(layers, |layers, (setting, text)| layers.flag(setting, text))
    }
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        SETTINGS.iter().fold(command, |command, setting| {
            let default = match setting.default_value() {
                Some(value) => format!(" [default: {}]", value.replace('"', "")),
                None => String::new(),
            };
            command.arg(
                Arg::new(setting.word)
                    .long(setting.flag())
                    .aliases(setting.former_word().map(|word| word.replace('_', "-")))
                    .value_name("VALUE")
                    .help(format!("{}{default}", setting.about))
                    .help_heading(match setting.section() {
                        "" => "Node",
                        "listen" => "Addresses",
                        "tls" => "Certificates",
                        "durability" => "Durability",
                        "raft" => "Elections",
                        _ => "Alerts",
                    }),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = SETTINGS.iter().filter_map(|setting| {
            let text = matches.get_one::<String>(setting.word)?;
            Some((setting, text.clone()))
        });
        Ok(Self {
            given: given.collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
