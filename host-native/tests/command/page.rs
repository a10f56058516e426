//! The session that the operators' page shows, run as it stands there: three processes on free ports,
//! and every answer compared with the page.
//!
//! What differs from run to run: ports, the cluster's id, terms, who leads, and the figures of
//! `status`. A position on the page is a name for the one that really came.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use snapbox::{Assert, IntoData, assert_data_eq};
use tempfile::TempDir;

use crate::e2e::ports::Block;
use crate::e2e::process;
use crate::e2e::process::Program;

/// How long the cluster may take to be as its page shows it.
const CALM_WITHIN: Duration = Duration::from_secs(60);

/// Where `kraft init` has the nodes of one machine listen.
const SHOWN_PORTS: [u16; 12] = [
    7001, 7002, 7003, 7011, 7012, 7013, 7021, 7022, 7023, 7031, 7032, 7033,
];

/// A command of the page, and what it shows as its answer.
#[derive(Debug, Default, PartialEq)]
struct Step {
    command: String,
    answer: String,
}

/// The steps of the page's first session.
fn session(page: &str) -> Vec<Step> {
    let (_, rest) = page.split_once("```console\n").expect("a session");
    let (block, _) = rest.split_once("```").expect("its end");
    let mut steps: Vec<Step> = Vec::new();
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let command = command.to_owned();
            steps.push(Step {
                command,
                ..Step::default()
            });
        } else {
            let step = steps.last_mut().expect("a command comes first");
            step.answer += line;
            step.answer += "\n";
        }
    }
    steps
}

/// Somebody at a terminal in an empty folder.
struct Person {
    folder: TempDir,
    servers: Vec<Option<Program>>,
    block: Block,
    /// What came, by the position that the page shows.
    positions: BTreeMap<String, String>,
}

impl Person {
    fn sits_down() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let examples = folder.path().join("host-native/examples");
        fs::create_dir_all(&examples).unwrap();
        let zones = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/zones.toml");
        fs::copy(zones, examples.join("zones.toml")).unwrap();
        Self {
            folder,
            servers: Vec::new(),
            block: Block::take(),
            positions: BTreeMap::new(),
        }
    }

    fn kraft(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kraft"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KRAFT_") {
                command.env_remove(name);
            }
        }
        // A busy machine is no reason to give up.
        command.env("KRAFT_DEADLINE", "60s");
        let words = words.strip_prefix("kraft ").expect("a command of ours");
        let words = words.split_whitespace().map(|word| {
            let real = self.positions.get(word);
            self.with_real_ports(real.map_or(word, String::as_str))
        });
        command.args(words).current_dir(self.folder.path());
        command
    }

    /// A word of a command, with the ports that the nodes really have.
    fn with_real_ports(&self, word: &str) -> String {
        let ports = SHOWN_PORTS.iter().zip(self.block.ports::<12>());
        let shown = ports.map(|(shown, real)| (format!(":{shown}"), format!(":{real}")));
        let known = shown.filter(|(shown, _)| word.ends_with(shown.as_str()));
        let real = known
            .map(|(shown, real)| word.replace(&shown, &real))
            .next();
        real.unwrap_or_else(|| word.to_owned())
    }

    /// What a terminal shows of it, with what may differ as the page has it.
    fn answer(&mut self, step: &Step) -> String {
        let output = process::output(&mut self.kraft(&step.command));
        let said = [output.stdout, output.stderr].concat();
        let mut said = String::from_utf8(said).unwrap();
        for (shown, real) in SHOWN_PORTS.iter().zip(self.block.ports::<12>()) {
            said = said.replace(&format!(":{real}"), &format!(":{shown}"));
        }
        let shown = step.answer.lines().map(position);
        let came = said.lines().map(position).collect::<Vec<_>>();
        for (shown, came) in shown.zip(came) {
            if let (Some(shown), Some(came)) = (shown, came) {
                let known = self.positions.entry(shown.to_owned());
                assert_eq!(known.or_insert(came.to_owned()), came, "{}", step.command);
            }
        }
        for (shown, real) in &self.positions {
            said = said.replace(&format!("{real}: "), &format!("{shown}: "));
        }
        said
    }

    /// Does what the page says, and compares.
    fn does(&mut self, step: &Step) {
        if let Some(server) = step.command.strip_suffix(" &") {
            let mut server = self.kraft(server);
            let server = server.stdout(Stdio::null()).stderr(Stdio::null());
            self.servers.push(Some(Program::start(server)));
            return;
        }
        if let Some(number) = step.command.strip_prefix("kill -9 %") {
            let number: usize = number.parse().unwrap();
            drop(self.servers[number - 1].take().expect("it runs"));
            return;
        }
        let shown = pattern(&step.answer);
        let end = Instant::now() + CALM_WITHIN;
        let mut answer = self.answer(step);
        // Whoever reads the page has waited for the followers as well.
        let settles = ["kraft status", "kraft member list"].contains(&step.command.as_str());
        while settles && !is(&answer, &shown) && Instant::now() < end {
            answer = self.answer(step);
        }
        println!("$ {}\n{answer}", step.command);
        assert_data_eq!(answer, shown);
        if step.command.starts_with("kraft init") && self.servers.is_empty() {
            self.moves_ports();
        }
    }

    /// Gives the nodes ports that no other test takes.
    fn moves_ports(&self) {
        let home = self.folder.path().join("kraft");
        let nodes = (1..=3).map(|node| home.join(format!("node-{node}/kraft.toml")));
        for file in nodes.chain([home.join("client.toml")]) {
            let mut text = fs::read_to_string(&file).unwrap();
            text = text.replace("# admin = ", "admin = ");
            for (shown, free) in SHOWN_PORTS.iter().zip(self.block.ports::<12>()) {
                text = text.replace(&format!(":{shown}\""), &format!(":{free}\""));
            }
            fs::write(&file, text).unwrap();
        }
    }
}

/// `1.5` of a line that begins with a position.
fn position(line: &str) -> Option<&str> {
    let (position, _) = line.split_once(": ")?;
    let (term, index) = position.split_once('.')?;
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (number(term) && number(index)).then_some(position)
}

/// An answer of the page, with `[..]` in the place of what is another in every run.
fn pattern(answer: &str) -> String {
    let mut pattern = String::new();
    for line in answer.lines() {
        let columns: Vec<&str> = line.split("  ").filter(|text| !text.is_empty()).collect();
        let mut same = match columns.as_slice() {
            ["NODE", ..] => columns
                .iter()
                .map(|name| name.trim())
                .collect::<Vec<_>>()
                .join("[..]"),
            [node, role, .., clients] if ["leader", "follower"].contains(&role.trim()) => {
                format!("{node}[..]{}", clients.trim())
            }
            [node, voting, .., store] | [node, voting, .., store, _]
                if voting.trim() == "voter" && is_hex(store.trim()) =>
            {
                let clients = columns.get(3).map_or("", |text| text.trim());
                format!("{node}[..]voter[..]{clients}[..]")
            }
            _ => unlike(line),
        };
        for before in ["Made cluster ", " leads term "] {
            if let Some((kept, rest)) = same.split_once(before) {
                let behind = rest.split_once(' ').map_or("", |(_, behind)| behind);
                let gap = if behind.is_empty() { "" } else { " " };
                same = format!("{kept}{before}[..]{gap}{behind}");
            }
        }
        pattern += &same;
        pattern += "\n";
    }
    pattern
}

fn is_hex(word: &str) -> bool {
    word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A line with a gap for each number that is drawn, date, position and size.
fn unlike(line: &str) -> String {
    let gap = |word: &str| {
        let bare = word.trim_end_matches([',', '.', ';', ':']);
        let date = bare.len() == 20 && bare.ends_with('Z');
        let size = bare
            .strip_suffix('B')
            .is_some_and(|size| size.parse::<u64>().is_ok());
        match is_hex(bare) || date || size {
            true => format!("[..]{}", &word[bare.len()..]),
            false => word.to_owned(),
        }
    };
    let mut same = line.split(' ').map(gap).collect::<Vec<_>>().join(" ");
    for before in [
        "by node ",
        "of entry ",
        "after entry ",
        "the log through ",
        "everything behind ",
    ] {
        if let Some((kept, rest)) = same.split_once(before) {
            let number = |c: char| c.is_ascii_digit() || c == '.';
            let behind = rest.trim_start_matches(number);
            same = format!("{kept}{before}[..]{behind}");
        }
    }
    same
}

fn is(answer: &str, pattern: &str) -> bool {
    let compared = Assert::new().try_eq(None, answer.into_data(), pattern.into_data());
    compared.is_ok()
}

#[test]
fn the_session_of_the_operators_page_goes_as_it_is_shown() {
    let steps = session(include_str!("../../OPERATING.md"));
    let mut person = Person::sits_down();
    for step in &steps {
        person.does(step);
    }
    assert_eq!(person.servers.len(), 3);
    assert!(steps.len() > 12, "{} steps are no session", steps.len());
    println!("{} steps as shown", steps.len());
}

/// A machine is lost and replaced, a backup begins another cluster, a majority is lost and one goes on.
#[test]
fn the_first_day_of_the_operators_page_goes_as_it_is_shown() {
    let page = include_str!("../../OPERATING.md");
    let (_, day) = page.split_once("## A first day\n").unwrap();
    let steps = session(day);
    let mut person = Person::sits_down();
    for step in &steps {
        person.does(step);
    }
    assert_eq!(person.servers.len(), 5);
    assert!(steps.len() > 20, "{} steps are no day", steps.len());
    println!("{} steps as shown", steps.len());
}

#[test]
fn a_session_is_read_command_by_command() {
    let steps = session("a\n```console\n$ kraft get a\n1\n\n2\n$ kraft status\n```\n$ no");
    let step = |command: &str, answer: &str| Step {
        command: command.into(),
        answer: answer.into(),
    };
    assert_eq!(
        steps,
        [step("kraft get a", "1\n\n2\n"), step("kraft status", "")]
    );
    assert_eq!(
        pattern("Made cluster 12ab in kraft.\nnode 2 leads term 2\n"),
        "Made cluster [..] in kraft.\nnode 2 leads term [..]\n"
    );
    assert_eq!(
        pattern("NODE  ROLE    AT RISK\n1     leader  1 (38B)  a:1\n"),
        "NODE[..]ROLE[..]AT RISK\n1[..]a:1\n"
    );
    assert_eq!(position("1.15: lost"), Some("1.15"));
    assert_eq!(position("node 1.x: lost"), None);
}
