//! Waiting for what becomes of a write that was acknowledged early.

use std::fmt::Display;
use std::time::Duration;

use clap::Args;
use kraft_client::Client;
use kraft_wire::api::{Answer, FateReport};
use serde::Serialize;

use super::fate;
use super::options::duration;
use super::output::{Failure, Style, say};
use crate::exit::ExitCode;
use crate::glyph::Glyph;

/// How long to stay after the answer.
#[derive(Args, Clone, Debug)]
pub struct Await {
    /// After the answer wait until the write is committed or lost, and say which; TIME at most
    #[arg(
        long = "await",
        value_name = "TIME",
        require_equals = true,
        num_args = 0..=1,
        default_missing_value = "30s",
        value_parser = duration
    )]
    patience: Option<Duration>,
}

/// Both, for programs.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    answer: &'a Answer,
    became: &'a FateReport,
}

impl Await {
    /// Shows the answer, then what becomes of the write where that is asked for; returns the code to
    /// end with.
    pub async fn show(
        &self,
        client: &Client,
        answer: Answer,
        voters: usize,
        style: Style,
    ) -> Result<u8, Failure> {
        let said = words(&answer, voters);
        let Some(patience) = self.patience else {
            style.show(&answer, said);
            return Ok(answer.exit_code());
        };
        say_now(style, said);
        let became = client.await_commit(answer.position, patience).await?;
        match style {
            Style::Human => say(fate::words(&became, voters)),
            Style::Json => style.show(
                &Told {
                    answer: &answer,
                    became: &became,
                },
                "",
            ),
        }
        Ok(match fate::exit_code(&became) {
            fate::exit::DONE => answer.exit_code(),
            other => other,
        })
    }
}

/// An answer for people: in words, and as a shape where anybody had the write.
fn words(answer: &Answer, voters: usize) -> String {
    match answer.achieved {
        Some(had) => format!("{answer}  {}", Glyph::of(had.mode, had.held, voters)),
        None => answer.to_string(),
    }
}

/// People hear the first answer at once; a program gets one value.
fn say_now(style: Style, answer: impl Display) {
    if style == Style::Human {
        say(answer);
    }
}
