//! `kraft export` and `kraft import` against real nodes: the same bytes come back, wherever the file was cut off.

use std::fs;

use kraft_wire::key_value::KeyValue;
use kraft_wire::rows::Scan;

use crate::e2e::{Cluster, Ran};

/// Keys written beside those that are no text.
const TEXTS: usize = 300;

async fn fill(cluster: &Cluster) {
    let texts = (0..TEXTS).map(|n| {
        (
            format!("text:{n:03}").into_bytes(),
            b"line\n\"two\"".to_vec(),
        )
    });
    let bytes: [(&[u8], &[u8]); 3] = [(b"\0", b""), (b"\xc3", b"\xfe\xff"), (b"\xff", b"{}")];
    let bytes = bytes.map(|(key, value)| (key.to_vec(), value.to_vec()));
    let put = cluster.client.put_many(texts.chain(bytes)).send().await;
    put.unwrap();
}

/// Every row: they fit on one page.
async fn all(cluster: &Cluster) -> Vec<KeyValue> {
    let page = cluster.client.scan(Scan::default()).await.unwrap();
    assert_eq!(page.more, None);
    page.rows
}

async fn empty(cluster: &Cluster, rows: &[KeyValue]) {
    let keys = rows.iter().map(|row| row.key.as_bytes());
    cluster.client.delete(keys).send().await.unwrap();
    assert!(all(cluster).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_exported_is_imported_byte_for_byte() {
    let cluster = Cluster::start().await;
    fill(&cluster).await;
    let rows = all(&cluster).await;
    assert_eq!(rows.len(), TEXTS + 3);
    let Ran { code, json } = cluster.run(&["export", "all.jsonl"]);
    assert_eq!((code, &json["rows"]), (0, &rows.len().into()), "{json}");
    let file = cluster.dir.path().join("all.jsonl");
    let whole = fs::read(&file).unwrap();
    assert_eq!(cluster.run(&["export", "all.jsonl"]).code, 5, "it is whole");

    empty(&cluster, &rows).await;
    let half = whole.len() / 2;
    fs::write(&file, &whole[..half]).unwrap();
    let Ran { code, json } = cluster.run(&["import", "all.jsonl"]);
    assert_eq!(code, 5, "{json}");
    let error = json["error"].as_str().unwrap();
    assert!(error.contains("it was cut off"), "{error}");
    let stored = all(&cluster).await;
    assert_eq!(stored, rows[..stored.len()], "what is whole is stored");
    assert!(stored.len() > TEXTS / 3);

    fs::write(&file, &whole).unwrap();
    let Ran { code, json } = cluster.run(&["import", "all.jsonl"]);
    assert_eq!(code, 5, "the file has changed: {json}");
    let import = ["import", "all.jsonl", "--restart", "--mode", "ALL"];
    let Ran { code, json } = cluster.run(&import);
    assert_eq!((code, &json["answers"]), (0, &rows.len().into()), "{json}");
    assert_eq!(json["held"]["on the disks of every voter"], rows.len());
    assert_eq!(all(&cluster).await, rows);

    fs::write(&file, &whole[..half]).unwrap();
    let Ran { code, json } = cluster.run(&["export", "all.jsonl"]);
    assert_eq!((code, &json["rows"]), (0, &rows.len().into()), "{json}");
    assert_eq!(json["resumed_after_row"], stored.len());
    assert_eq!(fs::read(&file).unwrap(), whole, "it went on where it was");

    let some = ["export", "some.jsonl", "--prefix", "text:00"];
    assert_eq!(cluster.run(&some).json["rows"], 10);
    fs::write(&file, "my letter\n").unwrap();
    let Ran { code, json } = cluster.run(&["export", "all.jsonl", "--restart"]);
    assert_eq!(code, 5, "{json}");
    assert_eq!(fs::read(&file).unwrap(), b"my letter\n");
    let Ran { code, json } = cluster.run(&["import", "all.jsonl"]);
    assert_eq!(code, 5, "{json}");
}
