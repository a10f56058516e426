//! What the demo shows: lines for people, or one JSON object a line for programs.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

/// How the demo speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// Lines for people; with a live line below them where standard error is a terminal.
    #[default]
    Lines,
    /// One JSON object a line, one for each thing found.
    Json,
}

/// Where the demo shows things.
#[derive(Debug)]
pub(super) struct Screen {
    look: Look,
    ink: Ink,
    bar: Mutex<ProgressBar>,
}

/// Whether words can be made to stand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ink {
    Plain,
    Styled,
}

/// A live line. It goes when this is dropped.
pub(super) struct Live<'a> {
    screen: &'a Screen,
}

impl Screen {
    /// A screen on standard output, with its live line on standard error.
    pub fn new(look: Look) -> Self {
        let styled = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            look,
            ink: if styled { Ink::Styled } else { Ink::Plain },
            bar: Mutex::new(ProgressBar::hidden()),
        }
    }

    /// Prints a line for people. A reader that went away has had enough of it.
    pub(super) fn say(&self, line: impl Display) {
        if self.look == Look::Lines {
            self.print(line);
        }
    }

    /// Prints an empty line for people.
    pub(super) fn gap(&self) {
        self.say("");
    }

    /// Prints the heading of a step.
    pub(super) fn heading(&self, words: impl Display) {
        self.gap();
        match self.ink {
            Ink::Styled => self.say(format_args!("\x1b[1m{words}\x1b[0m")),
            Ink::Plain => self.say(words),
        }
    }

    /// `words` made to stand out as good news or bad.
    pub(super) fn mark(&self, words: &str, news: News) -> String {
        let color = match news {
            News::Good => 32,
            News::Expected => 33,
            News::Bad => 31,
        };
        match self.ink {
            Ink::Styled => format!("\x1b[{color}m{words}\x1b[0m"),
            Ink::Plain => words.to_owned(),
        }
    }

    /// Prints an object for programs.
    pub(super) fn fact(&self, fact: Value) {
        if self.look == Look::Json {
            self.print(fact);
        }
    }

    /// Shows a live line on the way to `length`.
    pub(super) fn live(&self, length: u64) -> Live<'_> {
        let target = match self.look {
            Look::Lines => ProgressDrawTarget::stderr(),
            Look::Json => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let look = ProgressStyle::with_template("   {bar:24} {wide_msg}");
        *self.bar() = match look {
            Ok(look) => bar.with_style(look.progress_chars("━╸ ")),
            Err(_) => bar,
        };
        Live { screen: self }
    }

    /// Shows a live line of something whose length is not known.
    pub(super) fn waiting(&self, words: impl Display) -> Live<'_> {
        let live = self.live(0);
        let bar = self.bar();
        if let Ok(look) = ProgressStyle::with_template("   {spinner} {wide_msg}") {
            bar.set_style(look);
        }
        bar.set_message(words.to_string());
        bar.enable_steady_tick(Duration::from_millis(100));
        drop(bar);
        live
    }

    fn print(&self, line: impl Display) {
        self.bar().suspend(|| {
            let _ = writeln!(io::stdout(), "{line}");
        });
    }

    fn bar(&self) -> std::sync::MutexGuard<'_, ProgressBar> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What kind of news words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// As it should be.
    Good,
    /// Not pleasant, and announced.
    Expected,
    /// Not as it should be.
    Bad,
}

impl Live<'_> {
    /// How far it is, and what there is to say.
    pub fn show(&self, position: u64, words: impl Display) {
        let bar = self.screen.bar();
        bar.set_position(position);
        bar.set_message(words.to_string());
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        let mut bar = self.screen.bar();
        bar.finish_and_clear();
        *bar = ProgressBar::hidden();
    }
}
