//! The commands of a script.

use serde_json::{Map, Value, json};

use super::show;
use super::world::{Detail, Stop, Which, World};

/// A command that makes no sense, in words.
type Confused = String;

/// Carries out one command and returns what was said.
pub fn carry_out(world: &mut World, command: &str) -> Vec<String> {
    let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
    if let Err(why) = dispatch(world, name, rest.trim()) {
        world.say(format!("the script is wrong: {why}"));
    }
    world.take_said()
}

fn dispatch(world: &mut World, name: &str, rest: &str) -> Result<(), Confused> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    match (name, &words[..]) {
        ("json", _) => world.raw(rest),
        ("repeat", [count, _, ..]) => {
            let (_, round) = rest.split_once(' ').unwrap_or_default();
            return repeat(world, number(count)?, round);
        }
        ("hand", _) => return hand(world, rest),
        ("cluster", [count, fields @ ..]) => world.cluster(number(count)?, settings(fields)?),
        ("finish", []) => world.run_until_idle(),
        ("deliver", pairs) => {
            for pair in pairs {
                let (from, to) = pair_of(pair)?;
                world.deliver(from, to, Detail::Full);
            }
        }
        ("lose", pairs) => {
            for pair in pairs {
                let (from, to) = pair_of(pair)?;
                world.lose(from, to);
            }
        }
        ("disk", [node, terms @ ..]) => {
            let terms: Result<Vec<u64>, Confused> = terms.iter().map(|term| number(term)).collect();
            world.history(number(node)?, &terms?);
        }
        ("propose", [node, id, data, class @ ..]) => {
            propose(world, number(node)?, id, data, class);
        }
        ("read", [node, id]) => {
            ask(world, number(node)?, json!({"cmd": "read", "id": id}));
        }
        ("read", [node, id, after]) => {
            let (term, index) = after.split_once('.').ok_or("a position is term.index")?;
            let (term, index) = (number(term)?, number(index)?);
            let read = json!({"cmd": "read", "id": id, "after_term": term, "after_index": index});
            ask(world, number(node)?, read);
        }
        ("fate", [node, position]) => return fate(world, number(node)?, position),
        (_, [at, more @ ..]) => {
            for node in nodes(world, at)? {
                one(world, name, node, more)?;
            }
        }
        _ => return Err(format!("{name}?")),
    }
    Ok(())
}

/// The same commands again and again, `#` being the number of the round. Only what went wrong is shown.
fn repeat(world: &mut World, count: u64, commands: &str) -> Result<(), Confused> {
    for round in 1..=count {
        let commands = commands.replace('#', &round.to_string());
        let before = world.take_said();
        for command in commands.split(';').map(str::trim) {
            let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
            dispatch(world, name, rest).map_err(|why| format!("round {round}: {why}"))?;
        }
        let said = world.take_said();
        let wrong = said.into_iter().filter(|line| show::is_wrong(line));
        before
            .into_iter()
            .chain(wrong)
            .for_each(|line| world.say(line));
    }
    Ok(())
}

/// Commands to each of some nodes.
fn one(world: &mut World, name: &str, node: u64, more: &[&str]) -> Result<(), Confused> {
    match (name, more) {
        ("tick", []) => drop(ask(world, node, json!({"cmd": "tick", "n": 1}))),
        ("tick", [n]) => drop(ask(world, node, json!({"cmd": "tick", "n": number(n)?}))),
        ("transfer", []) => drop(ask(world, node, json!({"cmd": "transfer"}))),
        ("transfer", [to]) => {
            let to = number(to)?;
            drop(ask(world, node, json!({"cmd": "transfer", "to": to})));
        }
        ("campaign", []) => drop(ask(world, node, json!({"cmd": "campaign"}))),
        ("sync", []) => drop(world.sync(node, Which::All, Detail::Full)),
        ("mark", []) => drop(world.sync(node, Which::HardState, Detail::Full)),
        ("isolate", []) => world.isolate(node, true),
        ("rejoin", []) => world.isolate(node, false),
        ("kill", []) => world.stop(node, Stop::Kill),
        ("cut-power", []) => world.stop(node, Stop::PowerCut),
        ("start", fields) => world.start(node, &settings(fields)?, Detail::Full),
        ("conf", words) => conf(world, node, words)?,
        ("compact", [index]) => {
            let index = number(index)?;
            drop(ask(world, node, json!({"cmd": "compact", "index": index})));
        }
        ("members", []) => {
            let state = ask(world, node, json!({"cmd": "state"}));
            world.say(format!("{node}: {}", show::members(&state["config"])));
        }
        ("state", []) => {
            let state = ask(world, node, json!({"cmd": "state"}));
            world.say(show::state(node, &state));
        }
        ("log", []) => {
            let state = ask(world, node, json!({"cmd": "state"}));
            world.say(show::log(node, &state));
        }
        _ => return Err(format!("{name} {node} {more:?}?")),
    }
    Ok(())
}

fn ask(world: &mut World, node: u64, mut request: Value) -> Value {
    request["node"] = json!(node);
    world.ask(node, Detail::Full, &request)
}

fn propose(world: &mut World, node: u64, id: &str, data: &str, class: &[&str]) {
    let mut request = json!({"cmd": "propose", "id": id, "data": data});
    for (field, word) in ["mode", "fsync"].into_iter().zip(class) {
        request[field] = json!(word);
    }
    let state = ask(world, node, request);
    if let (Some(term), Some(index)) = (state["term"].as_u64(), state["index"].as_u64()) {
        world.say(format!("{id} stands at {term}.{index}"));
    }
}

fn fate(world: &mut World, node: u64, position: &str) -> Result<(), Confused> {
    let (term, index) = position.split_once('.').ok_or("a position is term.index")?;
    let request = json!({"cmd": "fate", "term": number(term)?, "index": number(index)?});
    let state = ask(world, node, request);
    world.say(state["fate"].as_str().unwrap_or_default().to_owned());
    Ok(())
}

/// `conf NODE add 4 remove 1 …`
fn conf(world: &mut World, node: u64, words: &[&str]) -> Result<(), Confused> {
    let mut changes = Vec::new();
    for pair in words.chunks(2) {
        let [word, of] = pair else {
            return Err("a word and a node for each change".into());
        };
        changes.push(json!([word, number(of)?]));
    }
    let state = ask(world, node, json!({"cmd": "conf", "changes": changes}));
    if let (Some(term), Some(index)) = (state["term"].as_u64(), state["index"].as_u64()) {
        world.say(format!("the change stands at {term}.{index}"));
    }
    Ok(())
}

/// `hand A>B kind {…}`
fn hand(world: &mut World, rest: &str) -> Result<(), Confused> {
    let (pair, rest) = rest.split_once(' ').ok_or("from whom to whom?")?;
    let (kind, msg) = rest.split_once(' ').ok_or("which message?")?;
    let (Some(from), Some(to)) = pair_of(pair)? else {
        return Err("from one node to one node".into());
    };
    let msg: Value = serde_json::from_str(msg).map_err(|error| error.to_string())?;
    ask(
        world,
        to,
        json!({"cmd": "msg", "from": from, "kind": kind, "msg": msg}),
    );
    Ok(())
}

fn number(word: &str) -> Result<u64, Confused> {
    word.parse().map_err(|_| format!("{word} is no number"))
}

/// `A>B`; `*` stands for anyone.
fn pair_of(word: &str) -> Result<(Option<u64>, Option<u64>), Confused> {
    let (from, to) = word.split_once('>').ok_or("from whom to whom? A>B")?;
    let end = |word: &str| match word {
        "*" => Ok(None),
        word => number(word).map(Some),
    };
    Ok((end(from)?, end(to)?))
}

fn nodes(world: &World, word: &str) -> Result<Vec<u64>, Confused> {
    match word {
        "*" => Ok(world.running()),
        list => list.split(',').map(number).collect(),
    }
}

/// `field=value …`, values as JSON or, failing that, as strings.
fn settings(words: &[&str]) -> Result<Map<String, Value>, Confused> {
    words
        .iter()
        .map(|word| {
            let (name, value) = word.split_once('=').ok_or(format!("{word}: no value"))?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
            Ok((name.to_owned(), value))
        })
        .collect()
}
