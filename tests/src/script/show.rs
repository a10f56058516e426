//! Outputs of the driver, as lines a person reads.

use serde_json::Value;

use super::world::Detail;

/// What a refusal begins with.
pub const REFUSED: &str = "refused: ";

/// Disks and network have more and more to do.
pub const UNFINISHED: &str = "it does not finish";

/// One output of a node; `None` if it is not shown in this detail.
pub fn line(node: u64, line: &Value, detail: Detail) -> Option<String> {
    let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
    let shown = match line["t"].as_str()? {
        "send" | "write" | "apply" if detail == Detail::Brief => return None,
        "send" => format!("{node}>{}: {}", line["to"], message(line)),
        "write" => format!("{node}: {}", write(line)),
        "commit" => format!("{node}: commit {}", line["index"]),
        "apply" => format!(
            "{node}: apply {}.{} {}",
            line["term"],
            line["index"],
            held(line)
        ),
        "snapshot_applied" => format!("{node}: snapshot applied, through {}", line["index"]),
        "ack" => format!("{node}: {}", ack(line)),
        "read" => match line["index"].as_u64() {
            Some(index) => format!("{node}: read {} at {index}: {}", id(line), text("result")),
            None => format!("{node}: read {}: {}", id(line), text("result")),
        },
        "role" => format!("{node}: {} in term {}", text("role"), line["term"]),
        _ => format!("{node}: {line}"),
    };
    Some(shown)
}

fn id(line: &Value) -> String {
    line["id"]
        .as_str()
        .map_or_else(|| line["id"].to_string(), str::to_owned)
}

/// What an entry holds, be it members.
fn held(entry: &Value) -> String {
    match entry["config"].is_object() {
        true => members(&entry["config"]),
        false => data(entry).to_owned(),
    }
}

/// The members of a configuration.
pub fn members(config: &Value) -> String {
    let list = |name: &str, word: &str| {
        let ids = config[name].as_array().map_or(&[][..], Vec::as_slice);
        let ids: Vec<String> = ids.iter().map(Value::to_string).collect();
        match ids.is_empty() {
            true => None,
            false => Some(format!("{word} {}", ids.join(","))),
        }
    };
    let lists = [
        list("voters", "voters"),
        list("voters_outgoing", "leaving"),
        list("learners", "learners"),
    ];
    lists.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// What an entry holds: `-` for nothing.
fn data(entry: &Value) -> &str {
    entry["data"].as_str().unwrap_or("-")
}

fn ack(line: &Value) -> String {
    let result = line["result"].as_str().unwrap_or_default();
    let held = line["held"].as_str().map(|held| format!(", {held}"));
    let fell_back = match line["fell_back"] == true {
        true => ", fell back to a majority",
        false => "",
    };
    format!(
        "ack {} at {}.{} for {}: {result}{}{fell_back}",
        id(line),
        line["term"],
        line["index"],
        line["mode"].as_str().unwrap_or_default(),
        held.unwrap_or_default(),
    )
}

fn write(line: &Value) -> String {
    let mut shown = format!("write {}", line["id"]);
    let kinds = line["kind"].as_array().map_or(&[][..], Vec::as_slice);
    if kinds.is_empty() {
        shown += ", nothing new";
    }
    for kind in kinds {
        shown += &match kind.as_str() {
            Some("hard_state") => {
                let trust = line["blob"]
                    .as_str()
                    .and_then(|blob| blob.rsplit(' ').next());
                let trust = trust.filter(|trust| *trust != "clean");
                let trust = trust.map_or_else(String::new, |trust| format!(", {trust}"));
                let copy = line["blob"].as_str();
                let copy = copy.filter(|blob| blob.contains("superseded-by"));
                let copy = copy.map_or("", |_| ", superseded");
                format!(", term {} vote {}{trust}{copy}", line["term"], line["vote"])
            }
            Some("entries") => format!(", entries {}..{}", line["first_index"], line["last_index"]),
            Some("snapshot") => ", snapshot".to_owned(),
            _ => format!(", {kind}"),
        };
    }
    if line["sync"] == true {
        shown += ", fsync";
    }
    shown
}

fn message(line: &Value) -> String {
    let kind = line["kind"].as_str().unwrap_or_default();
    let msg = &line["msg"];
    let mut shown = format!("{kind} term {}", msg["term"]);
    match kind {
        "vote_req" | "prevote_req" => {
            shown += &format!(" last {}.{}", msg["last_term"], msg["last_index"]);
            if msg["transfer"] == true {
                shown += ", sent by the leader";
            }
        }
        "vote_resp" | "prevote_resp" => shown += answer(msg),
        "append_req" => shown += &append(msg),
        "append_resp" if msg["ok"] == true => {
            shown += &format!(" match {} synced {}", msg["match_index"], msg["synced"]);
        }
        "append_resp" => {
            shown += &format!(
                " rejects {}, try {}.{}",
                msg["rejected"], msg["hint_term"], msg["match_index"]
            );
        }
        "heartbeat_req" => {
            shown += &format!(" round {} commit {}", msg["round"], msg["commit"]);
            shown += &force(msg);
            shown += &notice(msg);
        }
        "heartbeat_resp" => {
            shown += &format!(
                " round {} received {} written {} synced {}",
                msg["round"], msg["received"], msg["written"], msg["synced"]
            );
            if msg["clean"] == false {
                shown += ", suspect";
            }
        }
        "snapshot" => shown += &format!(" through {}.{}", msg["last_term"], msg["index"]),
        "timeout_now" => {}
        "left_out" => shown += &format!(" at {}", msg["index"]),
        "read_index_req" => {
            shown += &format!(" reads through {}", msg["ticket"]);
            if msg["after_index"] != 0 {
                shown += &format!(" after {}.{}", msg["after_term"], msg["after_index"]);
            }
        }
        "read_index_resp" => {
            shown += &format!(" reads through {} at {}", msg["ticket"], msg["index"]);
        }
        _ => shown += &format!(" {msg}"),
    }
    shown
}

fn answer(msg: &Value) -> &'static str {
    match (msg["granted"] == true, msg["clean"] == true) {
        (true, true) => " granted",
        (true, false) => " granted by a suspect",
        (false, _) => " refused",
    }
}

fn append(msg: &Value) -> String {
    let entries = msg["entries"].as_array().map_or(&[][..], Vec::as_slice);
    let entries: Vec<String> = entries
        .iter()
        .map(|entry| format!("{}:{}", entry["term"], held(entry)))
        .collect();
    format!(
        " after {}.{} [{}] commit {}{}",
        msg["prev_term"],
        msg["prev_index"],
        entries.join(" "),
        msg["commit"],
        force(msg)
    )
}

/// What the leader found out about an incarnation.
fn notice(msg: &Value) -> String {
    let Some(notice) = msg["notice"].as_str() else {
        return String::new();
    };
    let (number, nonce) = (&msg["notice_incarnation"], &msg["notice_nonce"]);
    format!(
        ", incarnation {number}.{nonce} {}",
        notice.replace('_', " ")
    )
}

fn force(msg: &Value) -> String {
    let through = |name: &str, word: &str| match msg[name].as_u64() {
        None | Some(0) => String::new(),
        Some(index) => format!(", {word} {index}"),
    };
    through("force_upto", "force through") + &through("relied_upto", "relied on through")
}

/// Whether a line says that something did not work.
pub fn is_wrong(line: &str) -> bool {
    line.starts_with(REFUSED) || line == UNFINISHED
}

/// The whole state of a node.
pub fn state(node: u64, state: &Value) -> String {
    format!(
        "{node}: {}, term {}, vote {}, leader {}, commit {}, applied {}, log {}..{}{}",
        state["role"].as_str().unwrap_or_default(),
        state["term"],
        state["vote"],
        state["leader"],
        state["commit"],
        state["applied"],
        state["first_index"],
        state["last_index"],
        match state["suspect"] == true {
            true => ", suspect",
            false => "",
        },
    )
}

/// The log of a node.
pub fn log(node: u64, state: &Value) -> String {
    let entries = state["log"].as_array().map_or(&[][..], Vec::as_slice);
    let entries: Vec<String> = entries
        .iter()
        .map(|entry| format!("{}.{}:{}", entry["term"], entry["index"], data(entry)))
        .collect();
    format!("{node}: [{}] commit {}", entries.join(" "), state["commit"])
}
