//! What all writes have in common: how a write is asked for, sent, and waited for.

use std::fmt::Display;
use std::time::Duration;

use clap::Args;
use kraft_client::{Client, WriteRequest};
use kraft_wire::api::{Answer, FateReport};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::connect::Connect;
use super::fate;
use super::options::{Again, WriteOptions, duration};
use super::output::{Failure, Style, exit, say};
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
    #[serde(flatten)]
    verdict: Option<&'a Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    became: Option<&'a FateReport>,
}

/// What a conditional write came to.
pub struct Verdict {
    /// For people.
    pub words: String,
    /// For programs, beside the answer.
    pub fields: Map<String, Value>,
    /// The code to end with, where the write is answered as asked.
    pub code: u8,
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(to)
    }
}

impl WriteArgs {
    /// Sends the write, shows the answer, then what becomes of the write where that is asked for; returns the code to end
    /// with.
    pub async fn send(
        self,
        style: Style,
        write: impl FnOnce(&Client) -> WriteRequest,
    ) -> Result<u8, Failure> {
        self.send_if(style, write, |_| None).await
    }

    /// The same of a write that the state machine answers: `judge` reads what it said.
    pub async fn send_if(
        self,
        style: Style,
        write: impl FnOnce(&Client) -> WriteRequest,
        judge: impl FnOnce(&Answer) -> Option<Verdict>,
    ) -> Result<u8, Failure> {
        let client = self.client().await?;
        let answer = self.deliver(self.numbered(write(&client))).await?;
        let verdict = judge(&answer);
        self.finish(style, &client, &answer, verdict).await
    }

    /// A client of the cluster.
    pub async fn client(&self) -> Result<Client, Failure> {
        self.connect.client().await
    }

    /// The write under the number that is asked for, where one is.
    pub fn numbered(&self, write: WriteRequest) -> WriteRequest {
        self.again.number(write)
    }

    /// Sends a write and waits for its answer.
    pub async fn deliver(&self, write: WriteRequest) -> Result<Answer, Failure> {
        let write = write
            .options(self.options.options())
            .deadline(self.connect.deadline(self.options.timeout()));
        let stop = signals::asked_to_end()?;
        Ok(write.send_until(stop).await?)
    }

    /// Shows an answer, then what becomes of the write where that is asked for; returns the code to end with.
    pub async fn finish(
        &self,
        style: Style,
        client: &Client,
        answer: &Answer,
        verdict: Option<Verdict>,
    ) -> Result<u8, Failure> {
        let code = match (answer.exit_code(), &verdict) {
            (exit::DONE, Some(verdict)) => verdict.code,
            (code, _) => code,
        };
        if let Some(verdict) = &verdict {
            say_now(style, &verdict.words);
        }
        say_now(style, words(answer));
        let mut told = Told {
            answer,
            verdict: verdict.as_ref(),
            became: None,
        };
        let Some(patience) = self.patience else {
            if style == Style::Json {
                style.show(&told, "");
            }
            return Ok(code);
        };
        let became = client.await_commit(answer.position, patience).await?;
        match style {
            Style::Human => say(fate::words(&became)),
            Style::Json => {
                told.became = Some(&became);
                style.show(&told, "");
            }
        }
        Ok(match fate::exit_code(&became) {
            exit::DONE => code,
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
