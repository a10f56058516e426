//! Why a configuration is refused. Nothing was started or written.

use std::path::PathBuf;

use thiserror::Error;

use super::origin::Origin;

/// Why a configuration is refused. Nothing was started or written.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read at all.
    #[error(
        "cannot read the configuration {}: {source}. \
         Name another with --config, or make one with `kraft init`",
        file.display()
    )]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}:{line}: not valid TOML: {message}", file.display())]
    Syntax {
        /// Which file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// There is no such option.
    #[error("{origin}: there is no option `{key}`; {hint}")]
    UnknownKey {
        /// Where it was given.
        origin: Origin,
        /// What was given.
        key: String,
        /// What there is.
        hint: String,
    },
    /// An option has a value it cannot have.
    #[error("{origin}: `{key}` cannot be {given:?}: {why}")]
    BadValue {
        /// Where it was given.
        origin: Origin,
        /// Which option.
        key: String,
        /// Its value.
        given: String,
        /// What it should be.
        why: String,
    },
    /// Something has the wrong shape.
    #[error("{origin}: {why}")]
    Shape {
        /// Where.
        origin: Origin,
        /// What is expected.
        why: String,
    },
    /// Something that has no default was not given.
    #[error(
        "the configuration lacks `{what}`: set it in the file, or make a complete one with `kraft init`"
    )]
    Missing {
        /// Which option.
        what: &'static str,
    },
    /// Options that do not fit together.
    #[error("the configuration does not fit together: {0}")]
    Unfit(String),
}

impl ConfigError {
    pub(super) fn unfit(why: impl ToString) -> Self {
        Self::Unfit(why.to_string())
    }
}
