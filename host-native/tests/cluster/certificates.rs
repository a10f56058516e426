//! Certificates of real nodes: they expire, are renewed while nodes run, and are read again.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use host_native::config::Config;
use kraft_client::{Client, ClientError, Settings};
use kraft_wire::cert::{CertificateInfo, ClusterCa, Credentials};

use crate::e2e;
use crate::e2e::Cluster;

/// A busy machine must not look like a dead leader.
const CALM: &[&str] = &[
    "--election-timeout-min",
    "1s",
    "--election-timeout-max",
    "2s",
];

/// Long enough for a cluster of processes to come up on a busy machine.
const SHORT: Duration = Duration::from_secs(20);

fn authority(cluster: &Cluster) -> ClusterCa {
    ClusterCa::load(&cluster.dir.path().join("kraft")).unwrap()
}

fn certificate(cluster: &Cluster, at: usize) -> PathBuf {
    Config::load(&cluster.nodes[at].config).unwrap().tls.cert
}

/// A client with connections of its own, to node `at` alone.
fn newcomer(cluster: &Cluster, at: usize) -> Client {
    let tls = Config::load(&cluster.created.client).unwrap().tls;
    let credentials = Credentials::load(&tls.cert, &tls.key, &tls.ca).unwrap();
    let settings = Settings {
        deadline: Duration::from_secs(10),
        ..Settings::default()
    };
    Client::new([&cluster.nodes[at].clients], credentials, settings).unwrap()
}

/// A leader whose certificate expires while it leads transfers leadership to a node whose certificate holds; it says so to operators,
/// and to clients that it *has expired*. Renewed while it runs, it takes clients again.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_certificate_expires_hands_over_and_comes_back_renewed() {
    let cluster = Cluster::start_with(CALM).await;
    let leader = cluster.leader().await;
    let ca = authority(&cluster);
    ca.renew(&certificate(&cluster, leader), Some(SHORT))
        .unwrap();
    let expires = CertificateInfo::of_file(&certificate(&cluster, leader))
        .unwrap()
        .until;

    // It is read without being asked, and told long before its end.
    let left = "kraft_certificate_left_seconds";
    cluster
        .until("a certificate that is read again", async || {
            let seconds = cluster.nodes[leader].figure(left)?;
            (seconds <= SHORT.as_secs_f64()).then_some(())
        })
        .await;
    cluster
        .until("an alert", async || {
            let (_, alerts) = cluster.nodes[leader].get("/v1/alerts");
            alerts.contains("certificate_expires").then_some(())
        })
        .await;

    let heir = cluster
        .until("another leader", async || {
            let now = cluster.leader().await;
            if SystemTime::now() < expires && now != leader {
                // Not for this reason: it is to lead when its time comes.
                cluster.run(&["transfer", &(leader + 1).to_string()]);
                return None;
            }
            (now != leader).then_some(now)
        })
        .await;
    let log = cluster.nodes[leader].log();
    assert!(
        log.contains("has expired: leadership is transferred to node"),
        "{log}"
    );
    assert_eq!(cluster.nodes[leader].figure(left), Some(0.0));
    let (status, why) = cluster.nodes[leader].get("/readyz");
    assert_eq!(status, 503, "{why}");
    assert!(why.contains("expired"), "{why}");
    assert_eq!(cluster.nodes[heir].get("/readyz").0, 200);

    let refused = newcomer(&cluster, leader).put("k", "v").send().await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("has expired"), "{refused}");
    assert!(!refused.contains("not of one cluster"), "{refused}");
    newcomer(&cluster, heir).put("k", "v").send().await.unwrap();

    let file = certificate(&cluster, leader);
    let words = ["cert", "renew", file.to_str().unwrap(), "--ca", "kraft"];
    let mut renew = e2e::kraft();
    renew.args(words).current_dir(cluster.dir.path());
    let output = e2e::process::output(&mut renew);
    assert!(output.status.success(), "{output:?}");
    cluster.nodes[leader].signal("HUP");
    cluster
        .until("a ready node", async || {
            (cluster.nodes[leader].get("/readyz").0 == 200).then_some(())
        })
        .await;
    newcomer(&cluster, leader)
        .put("k", "w")
        .send()
        .await
        .unwrap();
}

/// SIGHUP has a node read its files again; it kills no node, and files that cannot be used change nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_reads_certificates_again_and_ends_nothing() {
    let cluster = Cluster::start_with(CALM).await;
    let node = cluster.follower().await;
    cluster.nodes[node].signal("HUP");
    cluster
        .until("a certificate that is read again", async || {
            let log = cluster.nodes[node].log();
            log.contains("the certificate was read again: it holds until")
                .then_some(())
        })
        .await;

    let other = certificate(&cluster, (node + 1) % 3);
    std::fs::copy(other, certificate(&cluster, node)).unwrap();
    cluster.nodes[node].signal("HUP");
    cluster
        .until("a certificate that is not taken", async || {
            let log = cluster.nodes[node].log();
            log.contains("The node goes on with the one it has")
                .then_some(())
        })
        .await;
    newcomer(&cluster, node).put("k", "v").send().await.unwrap();
}

/// A client whose own certificate has expired is told so before anything is sent, and how to mend it.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_an_expired_certificate_is_told_to_renew_it() {
    let cluster = Cluster::start_with(CALM).await;
    let ca = authority(&cluster);
    let file = Config::load(&cluster.created.client).unwrap().tls.cert;
    ca.renew(&file, Some(Duration::ZERO)).unwrap();
    cluster
        .until("an expired certificate", async || {
            let info = CertificateInfo::of_file(&file).unwrap();
            info.left().is_zero().then_some(())
        })
        .await;
    let ran = cluster.run(&["put", "k", "v"]);
    let error = ran.json["error"].as_str().unwrap();
    assert_eq!(ran.code, 5, "{error}");
    assert!(error.contains("has expired, on"), "{error}");
    assert!(error.contains("`kraft cert renew`"), "{error}");
    ca.renew(&file, None).unwrap();
    assert_eq!(cluster.run(&["put", "k", "v"]).code, 0);
    assert!(matches!(
        newcomer(&cluster, 0).get("").await,
        Err(ClientError::Refused(_))
    ));
}
