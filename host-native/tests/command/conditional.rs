//! Writes that depend on what they find, against real nodes: they are done wholly or not at all, and say what they did.

use serde_json::{Value, json};

use crate::cluster::Cluster;

#[test]
fn a_comparison_decides_and_says_what_it_found() {
    let cluster = Cluster::start(3);
    let (code, created) = cluster.run(&["cas", "lock", "--absent", "ann"]);
    assert_eq!((code, &created["done"]), (0, &true.into()), "{created}");
    assert_eq!(created["achieved"]["held"], "synced");
    let (code, taken) = cluster.run(&["cas", "lock", "--absent", "bob"]);
    assert_eq!((code, &taken["done"]), (7, &false.into()), "{taken}");
    assert_eq!(taken["found"], json!({ "front": "ann", "bytes": 3 }));
    let (code, missing) = cluster.run(&["cas", "nobody", "old", "new"]);
    assert_eq!((code, &missing["found"]), (7, &Value::Null), "{missing}");

    let said = cluster.read(&["cas", "lock", "ann", "bob"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "done", "{said}");
    assert!(lines[1].ends_with("as asked (SYNC·COMMIT)  ██·"), "{said}");
    let said = cluster.read(&["cas", "lock", "ann", "eve"]);
    assert!(
        said.starts_with("not done: \"lock\" holds \"bob\"\n"),
        "{said}"
    );
    assert_eq!(cluster.read(&["get", "lock"]), "bob\n");

    let weak = ["--mode", "ASYNC", "--fsync", "NONE"];
    let (code, raised) = cluster.run(&[&["cas", "lock", "bob", "ann"], &weak[..]].concat());
    assert_eq!((code, &raised["done"]), (0, &true.into()), "{raised}");
    assert_eq!(
        raised["asked"],
        json!({ "mode": "SYNC", "fsync": "COMMIT" })
    );
    let (code, waited) = cluster.run(&["cas", "lock", "x", "y", "--await"]);
    assert_eq!((code, &waited["became"]["fate"]), (7, &"committed".into()));
    a_request_sent_again_hears_its_first_answer(&cluster);
    several_keys_change_as_one(&cluster);
    a_prefix_is_deleted_and_counted(&cluster);
}

fn a_request_sent_again_hears_its_first_answer(cluster: &Cluster) {
    let request = format!("{:032x}-0-1", 0xabc);
    let create = ["cas", "once", "--absent", "1", "--request", &request];
    for _ in 0..2 {
        let (code, answer) = cluster.run(&create);
        assert_eq!((code, &answer["done"]), (0, &true.into()), "{answer}");
    }
}

fn several_keys_change_as_one(cluster: &Cluster) {
    assert_eq!(cluster.run(&["put", "from", "100", "order", "x"]).0, 0);
    let order = [
        "txn",
        "--if",
        "from",
        "100",
        "--if-absent",
        "to",
        "--put",
        "from",
        "-5",
        "--put",
        "to",
        "105",
        "--delete",
        "order",
    ];
    let (code, done) = cluster.run(&order);
    assert_eq!((code, &done["done"]), (0, &true.into()), "{done}");
    let (code, read) = cluster.run(&["get", "to", "order", "from"]);
    assert_eq!(code, 2, "one of them is gone");
    let rows = json!([
        { "key": "to", "value": "105" },
        { "key": "order", "value": null },
        { "key": "from", "value": "-5" },
    ]);
    assert_eq!(read["rows"], rows);
    assert_eq!(cluster.read(&["get", "to", "from"]), "to\t105\nfrom\t-5\n");

    let (code, refused) = cluster.run(&order);
    assert_eq!((code, &refused["done"]), (7, &false.into()), "{refused}");
    assert_eq!(refused["key"], "from");
    assert_eq!(refused["found"]["front"], "-5");
    assert_eq!(cluster.read(&["get", "to"]), "105\n");
}

fn a_prefix_is_deleted_and_counted(cluster: &Cluster) {
    assert_eq!(
        cluster
            .run(&["put", "tmp:1", "x", "tmp:2", "x", "tmp", "x"])
            .0,
        0
    );
    let delete = ["delete", "--prefix", "tmp:", "--mode", "ASYNC"];
    let (code, gone) = cluster.run(&delete);
    assert_eq!((code, &gone["removed"]), (0, &2.into()), "{gone}");
    assert_eq!(gone["asked"], json!({ "mode": "SYNC", "fsync": "COMMIT" }));
    let (_, page) = cluster.run(&["scan", "tmp"]);
    assert_eq!(page["rows"].as_array().unwrap().len(), 1);
    let said = cluster.read(&delete);
    assert!(said.starts_with("0 keys removed\n"), "{said}");
}
