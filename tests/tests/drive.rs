//! The driver as a program talks to it: whatever comes in, one reply a line, and never a panic.

use std::fmt::Write as _;

use serde_json::Value;
use tests::drive::{LINE_MAX, run};

/// The replies to some lines.
fn replies(lines: &[u8]) -> Vec<Value> {
    let mut out = Vec::new();
    run(lines, &mut out).expect("memory takes what is written");
    let text = String::from_utf8(out).expect("replies are text");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a reply is JSON"))
        .collect()
}

/// splitmix64
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }

    /// Mostly small, sometimes at the edge of a limit.
    fn number(&mut self) -> u64 {
        match self.below(40) {
            0 => u64::MAX,
            1 => u64::MAX / 4,
            2 => u64::MAX / 4 + 1,
            3 => 4097,
            _ => self.below(8),
        }
    }
}

/// A message nobody honest would send.
fn strange_message(chance: &mut Chance) -> String {
    let kind = chance.one_of(&[
        "vote_req",
        "prevote_req",
        "vote_resp",
        "prevote_resp",
        "append_req",
        "append_req",
        "append_req",
        "append_resp",
        "heartbeat_req",
        "heartbeat_resp",
        "timeout_now",
        "snapshot",
        "read_index_req",
        "read_index_resp",
    ]);
    let mut msg = String::new();
    for field in [
        "term",
        "last_index",
        "last_term",
        "prev_index",
        "prev_term",
        "commit",
        "match_index",
        "rejected",
        "hint_term",
        "round",
        "received",
        "ticket",
        "after_term",
        "after_index",
        "index",
    ] {
        let _ = write!(msg, r#""{field}": {}, "#, chance.number());
    }
    for field in [
        "written",
        "synced",
        "force_upto",
        "relied_upto",
        "incarnation",
        "store",
    ] {
        if chance.below(4) == 0 {
            let _ = write!(msg, r#""{field}": {}, "#, chance.number());
        }
    }
    let entries: Vec<String> = (0..chance.below(5))
        .map(|_| match chance.below(2) {
            0 => format!(r#"{{"term": {}}}"#, chance.number()),
            _ => format!(r#"{{"term": {}, "data": "x"}}"#, chance.number()),
        })
        .collect();
    let entries = entries.join(", ");
    let truth = chance.one_of(&["true", "false"]);
    let _ = write!(
        msg,
        r#""entries": [{entries}], "granted": {truth}, "ok": {truth}, "clean": {truth}, "transfer": {truth}"#
    );
    let from = chance.below(5);
    format!(r#""from": {from}, "kind": "{kind}", "msg": {{{msg}}}"#)
}

fn strange_request(chance: &mut Chance) -> String {
    let node = 1 + chance.below(3);
    let mode = chance.one_of(&[
        "ASYNC",
        "LEADER_ONLY",
        "SYNC",
        "ALL",
        "AT_LEAST_2",
        "AT_LEAST_9",
    ]);
    let fsync = chance.one_of(&["NONE", "BATCH", "COMMIT", "ALWAYS"]);
    let (n, term) = (chance.number(), chance.number());
    let rest = match chance.below(20) {
        0 => format!(
            r#""new", "voters": [1, 2, 3], "seed": {n}, "window": {}, "prevote": {}, "check_quorum": {}, "fsync_mode": "{fsync}", "commit_mode": "{mode}""#,
            n.min(65) + 1,
            n % 4 == 0,
            n % 2 == 0
        ),
        1 => r#""drop""#.to_owned(),
        2 | 3 => format!(r#""tick", "n": {n}"#),
        4..=6 => format!(r#""synced", "id": {}"#, chance.below(60)),
        7..=9 => {
            format!(r#""propose", "id": {n}, "data": "x", "mode": "{mode}", "fsync": "{fsync}""#)
        }
        10 => format!(r#""read", "id": {n}, "after_term": {term}, "after_index": {n}"#),
        11 => format!(r#""fate", "index": {n}, "term": {term}"#),
        12 if n % 2 == 0 => format!(r#""transfer", "to": {term}"#),
        12 => r#""campaign""#.to_owned(),
        13 if n % 2 == 0 => format!(r#""compact", "index": {}"#, chance.below(4)),
        13 => r#""state""#.to_owned(),
        _ => format!(r#""msg", {}"#, strange_message(chance)),
    };
    format!(r#"{{"node": {node}, "cmd": {rest}}}"#)
}

#[test]
fn strange_requests_get_one_reply_each_and_the_same_one_twice() {
    for seed in 0..30 {
        let mut chance = Chance(seed);
        let mut lines = String::new();
        for node in 1..=3 {
            let _ = writeln!(
                lines,
                r#"{{"cmd": "new", "node": {node}, "voters": [1, 2, 3]}}"#
            );
        }
        for _ in 0..400 {
            lines.push_str(&strange_request(&mut chance));
            lines.push('\n');
        }
        let first = std::panic::catch_unwind(|| replies(lines.as_bytes()));
        let first = first.unwrap_or_else(|panic| {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        });
        assert_eq!(first.len(), 403, "seed {seed}");
        assert!(first == replies(lines.as_bytes()), "seed {seed} differs");
    }
}

#[test]
fn lines_that_are_no_requests_get_a_refusal_each() {
    let mut lines = b"\n\r\n\xff\xfe\n{}\n[]\n{\"cmd\": 7}\nnull\n".to_vec();
    lines.extend(vec![b'['; 100_000]);
    lines.push(b'\n');
    lines.extend(vec![b' '; LINE_MAX + 1]);
    lines.extend(b"\n{\"cmd\": \"hello\"}");
    let replies = replies(&lines);
    assert_eq!(replies.len(), 10);
    let (last, refused) = replies.split_last().expect("replies");
    for reply in refused {
        assert_eq!(reply["ok"], false, "{reply}");
        assert!(reply["err"].is_string() && reply["out"] == Value::Array(vec![]));
    }
    assert_eq!(last["ok"], true);
}

#[test]
fn many_ticks_are_as_many_single_ticks() {
    let start = r#"{"cmd": "new", "node": 1, "voters": [1]}
{"cmd": "synced", "node": 1, "id": 1}
{"cmd": "campaign", "node": 1}
{"cmd": "synced", "node": 1, "id": 2}
{"cmd": "propose", "node": 1, "id": 1, "data": "x", "mode": "SYNC", "fsync": "NONE"}
"#;
    let out = |ticks: &str| -> Vec<Value> {
        let replies = replies(format!("{start}{ticks}").as_bytes());
        let lines = replies[5..]
            .iter()
            .flat_map(|reply| reply["out"].as_array());
        lines.flatten().cloned().collect()
    };
    let single = "{\"cmd\": \"tick\", \"node\": 1, \"n\": 1}\n".repeat(150);
    let all_at_once = out(r#"{"cmd": "tick", "node": 1, "n": 150}"#);
    assert!(!all_at_once.is_empty());
    assert_eq!(all_at_once, out(&single));
}
