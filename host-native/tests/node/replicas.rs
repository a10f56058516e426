//! Replicas that differ are named by everybody, and replicas that do not are not.

use bytes::Bytes;
use host_native::checksummed;
use kraft_proto::{CommitMode, EntryKind, FsyncMode, LogIndex, NodeId, Run};
use kraft_storage::testing::Crash;

use crate::rig::{Cluster, SEGMENT_BYTES, Stopped};

async fn put(cluster: &Cluster, rows: std::ops::Range<u32>) {
    for row in rows {
        let put = cluster.client.put(format!("key:{row}"), "value");
        let put = put.mode(CommitMode::Sync).fsync(FsyncMode::Commit);
        put.send().await.unwrap();
    }
}

/// Writes the log of a stopped node anew with another value in one of its puts, every checksum as it
/// should be. Returns where.
fn alter(stopped: &Stopped) -> LogIndex {
    let options = kraft_storage::Options {
        segment_bytes: SEGMENT_BYTES,
        ..kraft_storage::Options::default()
    };
    let dir = &stopped.config.data_dir;
    let opened = kraft_storage::open(dir, stopped.disk.fs.shared(), &options).unwrap();
    let mut store = opened.store;
    let reader = store.reader();
    let mut entries: Vec<(Run, Bytes)> = Vec::new();
    for run in opened.log {
        let payloads = reader.read(run, usize::MAX).unwrap();
        for (position, payload) in run.positions().zip(payloads) {
            let one = Run {
                first: position.index,
                count: 1,
                ..run
            };
            entries.push((one, payload));
        }
    }
    let puts = entries
        .iter()
        .filter(|(run, _)| run.kind == EntryKind::Command);
    let altered = puts.last().unwrap().0.first;
    for (run, payload) in entries
        .into_iter()
        .skip_while(|(run, _)| run.first < altered)
    {
        let payload = if run.first == altered {
            let mut command = payload[checksummed::CHECKSUM_LEN..].to_vec();
            *command.last_mut().unwrap() ^= 1;
            checksummed::add(run.last_position(), run.kind, &command)
        } else {
            payload
        };
        store.append(run, &[payload]).unwrap();
    }
    store.close().unwrap();
    altered
}

#[tokio::test]
async fn a_replica_whose_record_was_altered_is_named_by_everybody() {
    let mut cluster = Cluster::start().await;
    put(&cluster, 0..20).await;
    cluster.agree().await;
    let leader = cluster.leader().await;
    let at = (leader + 1) % 3;
    let odd = NodeId(at as u64 + 1);
    let stopped = cluster.crash(at, Crash::Process).await;
    let altered = alter(&stopped);
    cluster.restart(stopped).await;
    put(&cluster, 20..25).await;

    for node in 0..3 {
        let id = NodeId(node as u64 + 1);
        let expected: Vec<NodeId> = match id == odd {
            true => (1..=3).map(NodeId).filter(|other| *other != odd).collect(),
            false => vec![odd],
        };
        let status = cluster
            .until("replicas that are named", async || {
                let status = cluster.status(node).await?;
                let named = status.differing.iter().map(|differing| differing.node);
                named.eq(expected.iter().copied()).then_some(status)
            })
            .await;
        for differing in &status.differing {
            let range = differing.after.next()..=differing.through;
            assert!(range.contains(&altered), "{altered} in {differing:?}");
            let warned = status
                .warnings
                .iter()
                .any(|told| *told == differing.to_string());
            assert!(warned, "{:?}", status.warnings);
        }
        let running = &cluster.nodes[node];
        cluster
            .until("an alert", async || {
                let alerts = running.page("/v1/alerts").await;
                alerts.contains("replicas_differ").then_some(())
            })
            .await;
        let figure = running.figure("kraft_replicas_differ").await;
        assert_eq!(figure, Some(expected.len() as f64));
        let ready = running.page("/readyz").await.starts_with("HTTP/1.1 200");
        assert_eq!(ready, id != odd, "only who is alone with it is not ready");
    }
}

/// Early writes that are lost, leaders that change, power cuts, segments in which old entries lie.
#[tokio::test]
async fn replicas_that_are_the_same_raise_no_alarm() {
    let mut cluster = Cluster::start().await;
    let filler = "x".repeat(20_000);
    for round in 0..4_u32 {
        // More than a segment, so that they are used again.
        for row in 0..60 {
            let put = cluster.client.put(format!("large:{row}"), &*filler);
            put.send().await.unwrap();
        }
        let leader = cluster.leader().await;
        for row in 0..50 {
            let put = cluster.client.put(format!("early:{round}:{row}"), "x");
            let put = put.mode(CommitMode::LeaderOnly).fsync(FsyncMode::None);
            put.send().await.unwrap();
        }
        let crash = [Crash::Power, Crash::Process][round as usize % 2];
        let stopped = cluster.crash(leader, crash).await;
        put(&cluster, round * 10..round * 10 + 10).await;
        cluster.restart(stopped).await;
        cluster.agree().await;
    }
    for at in 0..3 {
        let node = &cluster.nodes[at];
        let figure = "kraft_replicas_compared_total";
        cluster
            .until("digests that were compared", async || {
                (node.figure(figure).await? >= 2.0).then_some(())
            })
            .await;
        assert_eq!(cluster.status(at).await.unwrap().differing, []);
    }
    cluster.stop().await;
}
