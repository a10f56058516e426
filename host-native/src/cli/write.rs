//! What put and delete have in common: how a write is asked for, sent, and waited for.

use std::fmt::Display;
use std::time::Duration;

use clap::Args;
use kraft_client::{Client, WriteRequest};
use kraft_wire::api::{Answer, FateReport};
use serde::Serialize;

use super::connect::Connect;
use super::fate;
use super::options::{Again, WriteOptions, duration};
use super::output::{Failure, Style, say};
use super::signals;
use crate::exit::ExitCode;
use crate::glyph::Glyph;

/// How a write is asked for.
#[derive(Args, Debug)]
pub struct WriteArgs {
    #[command(flatten)]
    options: WriteOptions,
    #[command(flatten)]
    again: Again,
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
    #[command(flatten)]
    connect: Connect,
}

/// Both, for programs.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    answer: &'a Answer,
    became: &'a FateReport,
}

impl WriteArgs {
    /// Sends the write, shows the answer, then what becomes of the write where that is asked for; returns the code to end
    /// with.
    pub async fn send(
        self,
        style: Style,
        write: impl FnOnce(&Client) -> WriteRequest,
    ) -> Result<u8, Failure> {
        let client = self.connect.client().await?;
        let write = write(&client)
            .options(self.options.options())
            .deadline(self.connect.deadline(self.options.timeout()));
        let stop = signals::asked_to_end()?;
        let answer = self.again.number(write).send_until(stop).await?;
        let said = words(&answer);
        let Some(patience) = self.patience else {
            style.show(&answer, said);
            return Ok(answer.exit_code());
        };
        say_now(style, said);
        let became = client.await_commit(answer.position, patience).await?;
        match style {
            Style::Human => say(fate::words(&became)),
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
fn words(answer: &Answer) -> String {
    match answer.achieved {
        Some(had) => {
            let shape = Glyph::of(had.mode, had.held, answer.voters.into());
            format!("{answer}  {shape}")
        }
        None => answer.to_string(),
    }
}

/// People hear the first answer at once; a program gets one value.
fn say_now(style: Style, answer: impl Display) {
    if style == Style::Human {
        say(answer);
    }
}
