//! Step 4: every acknowledged write is looked up, and held against what its class promises.

use std::collections::HashMap;
use std::sync::Arc;

use kraft_proto::modes::CommitMode;
use kraft_proto::output::Fate;
use kraft_wire::key_value::{Key, Value};
use kraft_wire::rows::{SCAN_ROWS_MAX, Scan, ScanFrom};
use serde_json::json;
use tokio::task::JoinSet;

use super::Verdict;
use super::cluster::{Cluster, NODES};
use super::error::DemoError;
use super::figures::{count, writes};
use super::ledger::{Ack, Ledger};
use super::screen::{News, Screen};

/// Fates that are asked for at a time.
const IN_FLIGHT: usize = 256;

/// Failures that are shown one by one.
const SHOWN_MAX: usize = 5;

/// What was found of one class.
#[derive(Debug, Default)]
struct Found {
    acked: u64,
    present: u64,
    committed: u64,
    lost: u64,
    unknown: u64,
    broken: Vec<String>,
}

/// What an acknowledgement says about a killed leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// It may go with its leader.
    None,
    /// It is there, whichever process is killed.
    Survives,
}

/// Acknowledgements that are counted together: class asked, evidence, promise.
type Group = (String, String, Promise);

/// All of them, in the order of their first acknowledgement.
#[derive(Debug, Default)]
struct Groups(Vec<(Group, Found)>);

pub(super) async fn step(
    cluster: &mut Cluster,
    ledger: &Ledger,
    screen: &Screen,
) -> Result<Verdict, DemoError> {
    screen.heading("4. Every acknowledged write is looked up");
    cluster.settle().await?;
    let acks = Arc::new(ledger.all());
    let stored = read_all(cluster).await?;
    let fates = fates(cluster, &acks, screen).await?;
    screen.say(format_args!(
        "{} writes were acknowledged. {} rows are read back by linearizable scans,",
        count(acks.len() as u64),
        count(stored.len() as u64)
    ));
    screen.say("and the nodes are asked for the fate of each write: committed, or lost.");
    screen.gap();

    let mut groups = Groups::default();
    for (ack, fate) in acks.iter().zip(&fates) {
        let found = groups.of(ack);
        found.add(ack, *fate, stored.get(&ack.pair.key));
    }
    let Groups(groups) = groups;
    screen.say(format_args!(
        "{:<19}{:>10}{:>10}{:>8}{:>12}{:>8}{:>10}",
        "class", "acked", "present", "gone", "committed", "lost", "unknown"
    ));
    for (group, found) in &groups {
        show(group, found, screen);
    }
    screen.gap();

    let sync_acks: u64 = acks.iter().filter(|ack| is_sync(ack)).count() as u64;
    let same = same_state(cluster).await?;
    let mut troubles: Vec<String> = groups
        .iter()
        .flat_map(|(_, found)| found.broken.iter().cloned())
        .collect();
    let broken_writes = troubles.len();
    troubles.truncate(SHOWN_MAX);
    if broken_writes > SHOWN_MAX {
        troubles.push(format!("and {} more", broken_writes - SHOWN_MAX));
    }
    if stored.is_empty() {
        troubles.push("no row was read: nothing was shown".into());
    }
    if sync_acks == 0 {
        troubles.push("no write was acknowledged as SYNC: nothing was shown".into());
    }
    match &same {
        Some(sha256) => screen.say(format_args!(
            "All three nodes hold the same state (SHA-256 {}…).",
            &sha256[..16]
        )),
        None => troubles.push("the three nodes do not hold the same state".into()),
    }
    if ledger.unacknowledged() > 0 {
        screen.say(format_args!(
            "{} more writes were sent and not acknowledged: nothing was said of them.",
            count(ledger.unacknowledged())
        ));
    }
    for trouble in &troubles {
        screen.say(screen.mark(trouble, News::Bad));
    }
    screen.fact(json!({
        "step": "audit",
        "acked": acks.len(),
        "sync_acked": sync_acks,
        "rows_read": stored.len(),
        "unacknowledged": ledger.unacknowledged(),
        "sha256": same,
        "broken": broken_writes,
        "troubles": troubles,
    }));
    Ok(match troubles.as_slice() {
        [] => Verdict::Kept,
        _ => Verdict::Broken,
    })
}

fn is_sync(ack: &Ack) -> bool {
    ack.answer.asked.mode == CommitMode::Sync
}

fn promise_of(ack: &Ack) -> Promise {
    match ack.answer.achieved {
        Some(achieved) if achieved.mode.outlives_leader(NODES) => Promise::Survives,
        _ => Promise::None,
    }
}

fn group_of(ack: &Ack) -> Group {
    let held = ack.answer.achieved.map(|held| held.to_string());
    (
        ack.answer.asked.to_string(),
        held.unwrap_or_default(),
        promise_of(ack),
    )
}

impl Groups {
    fn of(&mut self, ack: &Ack) -> &mut Found {
        let wanted = group_of(ack);
        let at = self.0.iter().position(|(group, _)| *group == wanted);
        let at = at.unwrap_or_else(|| {
            self.0.push((wanted, Found::default()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }
}

impl Found {
    fn add(&mut self, ack: &Ack, fate: Fate, stored: Option<&Value>) {
        self.acked += 1;
        self.present += u64::from(stored == Some(&ack.pair.value));
        match fate {
            Fate::Committed => self.committed += 1,
            Fate::Lost => self.lost += 1,
            Fate::Unknown | Fate::Pending => self.unknown += 1,
        }
        if let Some(why) = broken(ack, fate, stored) {
            let (key, position) = (&ack.pair.key, ack.answer.position);
            self.broken.push(format!("{key} at {position}: {why}"));
        }
    }
}

/// What is wrong with a write, if something is.
fn broken(ack: &Ack, fate: Fate, stored: Option<&Value>) -> Option<&'static str> {
    match stored {
        Some(value) if *value != ack.pair.value => Some("its key holds something else"),
        // Its fate may be lost all the same: an earlier copy of it, whose answer never came, is
        // the one that is kept.
        Some(_) => None,
        None if fate == Fate::Committed => Some("its fate is committed, and it is not there"),
        None if fate == Fate::Pending => Some("it is not there, and its fate is not decided"),
        None if promise_of(ack) == Promise::Survives => {
            Some("it is not there, and was to survive its leader")
        }
        None => None,
    }
}

fn show((class, held, promise): &Group, found: &Found, screen: &Screen) {
    let gone = found.acked - found.present;
    screen.say(format_args!(
        "{class:<19}{:>10}{:>10}{:>8}{:>12}{:>8}{:>10}",
        count(found.acked),
        count(found.present),
        count(gone),
        count(found.committed),
        count(found.lost),
        count(found.unknown),
    ));
    let verdict = match (found.broken.len(), promise, gone) {
        (0, Promise::Survives, _) => screen.mark("survives a killed leader: kept", News::Good),
        (0, Promise::None, 0) => "may go with the leader; none did".to_owned(),
        (0, Promise::None, _) => screen.mark(
            &format!("may go with the leader; {} did", count(gone)),
            News::Expected,
        ),
        (broken, _, _) => screen.mark(&format!("BROKEN: {}", writes(broken as u64)), News::Bad),
    };
    screen.say(format_args!("    {held}: {verdict}"));
    screen.fact(json!({
        "step": "audit_class",
        "class": class,
        "held": held,
        "survives_leader": *promise == Promise::Survives,
        "acked": found.acked,
        "present": found.present,
        "gone": gone,
        "fates": {
            "committed": found.committed,
            "lost": found.lost,
            "unknown": found.unknown,
        },
        "broken": found.broken.len(),
    }));
}

/// Every row there is.
async fn read_all(cluster: &Cluster) -> Result<HashMap<Key, Value>, DemoError> {
    let mut stored = HashMap::new();
    let mut scan = Scan {
        limit: Some(SCAN_ROWS_MAX),
        ..Scan::default()
    };
    loop {
        let page = cluster.client().scan(scan.clone()).await;
        let page = page.map_err(DemoError::asking("reading every row"))?;
        stored.extend(page.rows.into_iter().map(|row| (row.key, row.value)));
        match page.more {
            Some(last) => scan.from = ScanFrom::After(last),
            None => return Ok(stored),
        }
    }
}

/// The fate of every write, each asked of one of the nodes.
async fn fates(
    cluster: &Cluster,
    acks: &Arc<Vec<Ack>>,
    screen: &Screen,
) -> Result<Vec<Fate>, DemoError> {
    let live = screen.live(acks.len() as u64);
    let mut fates = vec![Fate::Unknown; acks.len()];
    let mut tasks = JoinSet::new();
    let mut asked = 0;
    let mut known = 0;
    loop {
        while asked < acks.len() && tasks.len() < IN_FLIGHT {
            let address = cluster.nodes()[asked % NODES].address.clone();
            let (client, position) = (cluster.client().clone(), acks[asked].answer.position);
            let at = asked;
            tasks.spawn(async move { (at, client.fate_of(&address, position).await) });
            asked += 1;
        }
        let (at, report) = match tasks.join_next().await {
            None => return Ok(fates),
            Some(Ok(answered)) => answered,
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        };
        fates[at] = report
            .map_err(DemoError::asking("the fate of a write"))?
            .fate;
        known += 1;
        if known % IN_FLIGHT as u64 == 0 {
            live.show(known, format_args!("{} fates known", count(known)));
        }
    }
}

/// The digest of the state that all nodes hold; `None` if they differ.
async fn same_state(cluster: &mut Cluster) -> Result<Option<String>, DemoError> {
    let digests = cluster
        .wait("the same position on every node", async |cluster| {
            let mut all = Vec::with_capacity(NODES);
            for node in cluster.nodes() {
                all.push(cluster.client().digest(&node.address).await.ok()?);
            }
            let first = all.first()?.applied;
            all.iter()
                .all(|digest| digest.applied == first)
                .then_some(all)
        })
        .await?;
    let first = digests[0].sha256.clone();
    let same = digests.iter().all(|digest| digest.sha256 == first);
    Ok(same.then_some(first))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use kraft_proto::Grade;
    use kraft_proto::ids::{LogIndex, LogPosition, Term};
    use kraft_proto::modes::{Class, FsyncMode, Held};
    use kraft_wire::api::{Achieved, Answer};
    use kraft_wire::key_value::KeyValue;

    use super::*;

    fn ack(mode: CommitMode, grade: Grade) -> Ack {
        Ack {
            pair: KeyValue {
                key: Key::try_from("key").unwrap(),
                value: Value::try_from("value").unwrap(),
            },
            answer: Answer {
                position: LogPosition::new(Term(1), LogIndex(7)),
                asked: Class::new(mode, FsyncMode::None),
                achieved: Some(Achieved {
                    mode,
                    held: Held::Written,
                }),
                grade,
                voters: 3,
                outcome: None,
            },
            at: Instant::now(),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn what_a_majority_held_must_be_there_and_what_the_leader_held_may_be_gone() {
        for (mode, absent_is_broken) in [
            (CommitMode::Async, false),
            (CommitMode::LeaderOnly, false),
            (CommitMode::AtLeast(1), false),
            (CommitMode::AtLeast(2), true),
            (CommitMode::Sync, true),
            (CommitMode::All, true),
        ] {
            let ack = ack(mode, Grade::AsAsked);
            let there = Some(&ack.pair.value);
            assert_eq!(broken(&ack, Fate::Committed, there), None, "{mode}");
            let absent = broken(&ack, Fate::Lost, None);
            assert_eq!(absent.is_some(), absent_is_broken, "{mode}");
        }
    }

    #[test]
    fn an_all_that_fell_back_is_held_to_what_it_achieved() {
        let mut ack = ack(CommitMode::All, Grade::Fallback);
        ack.answer.achieved = Some(Achieved {
            mode: CommitMode::Sync,
            held: Held::Written,
        });
        assert!(broken(&ack, Fate::Lost, None).is_some());
    }

    #[test]
    fn no_class_excuses_another_value_or_a_committed_write_that_is_absent() {
        let ack = ack(CommitMode::Async, Grade::AsAsked);
        let other = Value::try_from("other").unwrap();
        assert!(broken(&ack, Fate::Committed, Some(&other)).is_some());
        assert!(broken(&ack, Fate::Committed, None).is_some());
        assert!(broken(&ack, Fate::Pending, None).is_some());
        assert_eq!(broken(&ack, Fate::Unknown, None), None);
    }
}
