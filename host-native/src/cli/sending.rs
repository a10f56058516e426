//! Rows of a file sent as writes, many at a time: what `kraft load` and `kraft import` have in common.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kraft_proto::Grade;
use kraft_wire::command::Operation;
use serde_json::json;

use super::connect::Connect;
use super::options::WriteOptions;
use super::output::{Failure, Style, Table, exit, say, tell};
use crate::exit::ExitCode;
use crate::load::{
    End, Fingerprint, Keying, LoadError, Meter, Progress, ProgressError, ProgressFile, Row, Tally,
    pump,
};

/// How often progress is recorded.
const RECORD_EVERY: Duration = Duration::from_secs(1);

/// The code of a shell for what Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// How rows are sent.
#[derive(Args, Debug)]
pub struct Sending {
    /// Rows on their way at the same time
    #[arg(long, value_name = "ROWS", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=1024))]
    in_flight: u16,
    /// Where to keep how far it came; FILE.kraft-progress unless given
    #[arg(long, value_name = "FILE")]
    resume_file: Option<PathBuf>,
    /// Begin at the first row, whatever is recorded
    #[arg(long)]
    restart: bool,
    #[command(flatten)]
    options: WriteOptions,
    #[command(flatten)]
    connect: Connect,
}

/// What is kept while a load goes on: the bar on the terminal and the record on the disk.
struct Recorder {
    file: ProgressFile,
    recorded_at: Instant,
    trouble: Option<ProgressError>,
}

impl Sending {
    /// Sends the rows of `file` that are not recorded as acknowledged, and says how it went; returns the code to end with.
    pub async fn run(
        self,
        style: Style,
        file: &Path,
        keying: &Keying,
        rows: impl Iterator<Item = Result<Row, LoadError>>,
        meter: Meter,
    ) -> Result<u8, Failure> {
        let mut recorder = Recorder::new(&self, file, keying)?;
        let mut progress = Progress::resumed(match self.restart {
            true => 0,
            false => recorder.file.read()?,
        });
        let resumed_after = progress.through();
        let client = self.connect.client().await?;
        // Where it cannot be recorded, that is better known before the first row is sent.
        recorder.file.write(resumed_after)?;

        let bar = bar(file, style);
        if resumed_after > 0 && style == Style::Human {
            tell(format_args!("going on after row {resumed_after}"));
        }
        let options = self.options.options();
        let began = Instant::now();
        let (tally, end) = pump(
            rows,
            &mut progress,
            self.in_flight.into(),
            |pair| {
                let put = Operation::Put { pairs: vec![pair] };
                let deadline = self.connect.deadline(self.options.timeout());
                let write = client.operation(put).options(options);
                write.deadline(deadline).send()
            },
            interrupted(),
            |tally, progress| {
                bar.set_position(meter.bytes());
                bar.set_message(format!("{} rows acknowledged", tally.answers()));
                recorder.look(progress);
            },
        )
        .await;
        bar.finish_and_clear();
        let took = began.elapsed();

        let code = code_of(&tally, &end);
        recorder.close(&end, &tally, &progress)?;
        let report = Report {
            file: &recorder.file,
            progress: &progress,
            tally,
            end,
            took,
            code,
        };
        report.print(style);
        Ok(code)
    }
}

fn bar(file: &Path, style: Style) -> ProgressBar {
    let bytes = fs::metadata(file).map_or(0, |meta| meta.len());
    let target = match style {
        Style::Human => ProgressDrawTarget::stderr(),
        Style::Json => ProgressDrawTarget::hidden(),
    };
    let look = "{bar:30} {percent:>3}%  {msg}  {elapsed} (about {eta} left)";
    let bar = ProgressBar::with_draw_target(Some(bytes), target);
    match ProgressStyle::with_template(look) {
        Ok(look) => bar.with_style(look),
        Err(_) => bar,
    }
}

/// Ready at Ctrl-C; never where that cannot be listened for.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// The worst of what happened.
fn code_of(tally: &Tally, end: &End) -> u8 {
    match end {
        End::Unanswered { error, .. } => return error.exit_code(),
        End::Row(_) => return exit::NOT_WRITTEN,
        End::Interrupted => return INTERRUPTED,
        End::Complete => {}
    }
    [
        (Grade::Unknown, exit::OUTCOME_UNKNOWN),
        (Grade::Lost, exit::NOT_WRITTEN),
        (Grade::TimedOut, exit::TIMED_OUT),
        (Grade::Fallback, exit::FALLBACK),
    ]
    .into_iter()
    .find(|&(grade, _)| tally.graded(grade) > 0)
    .map_or(exit::DONE, |(_, code)| code)
}

impl Recorder {
    fn new(sending: &Sending, file: &Path, keying: &Keying) -> Result<Self, LoadError> {
        let of = Fingerprint::of(file, keying).map_err(|source| LoadError::Unreadable {
            file: file.into(),
            source,
        })?;
        let beside = || ProgressFile::beside(file);
        let path = sending.resume_file.clone().unwrap_or_else(beside);
        Ok(Self {
            file: ProgressFile::new(path, of),
            recorded_at: Instant::now(),
            trouble: None,
        })
    }

    fn look(&mut self, progress: &Progress) {
        if self.recorded_at.elapsed() >= RECORD_EVERY {
            self.recorded_at = Instant::now();
            self.trouble = self.file.write(progress.through()).err();
        }
    }

    /// A complete load needs no record; of another one the last word is kept.
    fn close(&self, end: &End, tally: &Tally, progress: &Progress) -> Result<(), ProgressError> {
        let acked = tally.graded(Grade::AsAsked) + tally.graded(Grade::Fallback);
        match end {
            End::Complete if acked == tally.answers() => self.file.remove(),
            _ => self.file.write(progress.through()),
        }
    }
}

/// What is said at the end.
struct Report<'a> {
    file: &'a ProgressFile,
    progress: &'a Progress,
    tally: Tally,
    end: End,
    took: Duration,
    code: u8,
}

impl Report<'_> {
    fn print(&self, style: Style) {
        match style {
            Style::Json => say(self.json()),
            Style::Human => self.words(),
        }
    }

    fn rate(&self) -> f64 {
        self.tally.answers() as f64 / self.took.as_secs_f64().max(1e-6)
    }

    /// What went wrong, if something did.
    fn trouble(&self) -> Option<String> {
        match &self.end {
            End::Complete => None,
            End::Interrupted => Some("interrupted".into()),
            End::Row(error) => Some(error.to_string()),
            End::Unanswered { line, error } => Some(format!("the row of line {line}: {error}")),
        }
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "answers": self.tally.answers(),
            "as_asked": self.tally.graded(Grade::AsAsked),
            "fallback": self.tally.graded(Grade::Fallback),
            "timed_out": self.tally.graded(Grade::TimedOut),
            "lost": self.tally.graded(Grade::Lost),
            "unknown": self.tally.graded(Grade::Unknown),
            "held": self.tally.evidence(),
            "seconds": self.took.as_secs_f64(),
            "rows_per_second": self.rate(),
            "p50_ms": millis(self.tally.latency(0.5)),
            "p99_ms": millis(self.tally.latency(0.99)),
            "acknowledged_through_row": self.progress.through(),
            "error": self.trouble(),
            "exit_code": self.code,
        })
    }

    fn words(&self) {
        say(format_args!(
            "{} rows answered in {:.1} s: {:.0} rows/s, p50 {:.1} ms, p99 {:.1} ms",
            self.tally.answers(),
            self.took.as_secs_f64(),
            self.rate(),
            millis(self.tally.latency(0.5)),
            millis(self.tally.latency(0.99)),
        ));
        let mut table = Table::new(["ROWS", "HELD WHEN ACKNOWLEDGED"]);
        for (held, rows) in self.tally.evidence() {
            table.row([rows.to_string(), held.clone()]);
        }
        say(table);
        for (grade, words) in [
            (
                Grade::Fallback,
                "weaker than asked, as the fallback allowed",
            ),
            (Grade::TimedOut, "not held as asked in time; they live on"),
            (
                Grade::Lost,
                "lost: other entries are committed in their place",
            ),
            (Grade::Unknown, "of unknown fate: read their keys"),
        ] {
            let rows = self.tally.graded(grade);
            if rows > 0 {
                say(format_args!("{rows} rows {words}"));
            }
        }
        if let Some(trouble) = self.trouble() {
            tell(format_args!("kraft: {trouble}"));
        }
        if self.file.path().exists() {
            tell(format_args!(
                "Every row through {} is acknowledged; the same command goes on behind it (from {}).",
                self.progress.through(),
                self.file.path().display()
            ));
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
