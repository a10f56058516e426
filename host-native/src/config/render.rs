//! A configuration as a TOML file.

use std::fmt::Write as _;

use kraft_proto::ids::StoreId;

use super::members::{MemberConfig, format_store};
use super::options::Config;
use super::settings::{SETTINGS, Setting, quote};
use super::zones::write_zones;

/// What stands beside the values.
pub(super) enum Detail<'a> {
    /// Every value, and where it comes from.
    Origins(&'a dyn Fn(&Setting) -> String),
    /// What each option is for; those at their defaults are commented out.
    Guide,
}

/// Writes every option, members and zones last. Reading it back gives the same configuration.
pub(super) fn render(config: &Config, detail: Detail<'_>) -> String {
    let untouched = Config {
        durability: config.preset.durability(),
        ..Config::default()
    };
    let mut text = String::new();
    let mut section = "";
    for setting in SETTINGS {
        if setting.section() != section {
            section = setting.section();
            push(&mut text, format_args!("\n[{section}]"));
        }
        let Some(value) = (setting.show)(config) else {
            continue;
        };
        // The zones are written out below, so naming their file again would make two tables.
        let key = match setting.path {
            "zones_file" => "# zones_file",
            _ => setting.key(),
        };
        match &detail {
            Detail::Origins(origin) => {
                let line = format!("{key} = {value}");
                push(&mut text, format_args!("{line:<44} # {}", origin(setting)));
            }
            Detail::Guide => {
                let comment = match (setting.show)(&untouched) == Some(value.clone()) {
                    true => "# ",
                    false => "",
                };
                push(&mut text, format_args!("# {}", setting.about));
                push(&mut text, format_args!("{comment}{key} = {value}"));
            }
        }
    }
    if matches!(detail, Detail::Guide) && !config.members.is_empty() {
        let why = "who is in the cluster stands in the data directory; this says where they are";
        push(&mut text, format_args!("\n# {why}"));
    }
    for member in &config.members {
        push(&mut text, format_args!("{}", member_table(member)));
    }
    text.push_str(&write_zones(&config.zones));
    text
}

/// Writes what a client needs and nothing else.
pub(super) fn render_client(config: &Config) -> String {
    let mut text = String::from("# What `kraft put`, `get`, `load` and the others need to know.\n");
    let needed = ["cluster", "tls.ca", "tls.cert", "tls.key"];
    let mut section = "";
    for setting in needed.into_iter().filter_map(Setting::at) {
        if setting.section() != section {
            section = setting.section();
            push(&mut text, format_args!("\n[{section}]"));
        }
        if let Some(value) = (setting.show)(config) {
            push(&mut text, format_args!("{} = {value}", setting.key()));
        }
    }
    for member in &config.members {
        push(&mut text, format_args!("{}", member_table(member)));
    }
    text
}

fn member_table(member: &MemberConfig) -> String {
    let mut table = format!(
        "\n[[members]]\nid = {}\npeers = {}\nclients = {}",
        member.id,
        quote(member.peers.as_str()),
        quote(member.clients.as_str())
    );
    if member.store != StoreId::ANY {
        let _ = write!(table, "\nstore = \"{}\"", format_store(member.store));
    }
    table
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
