use std::fs;

use tempfile::TempDir;

use super::*;

fn file(name: &str, text: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    (dir, path)
}

fn keyed(column: &str, prefix: &str) -> Keying {
    Keying {
        column: Some(column.into()),
        prefix: prefix.into(),
    }
}

fn read(name: &str, text: impl AsRef<[u8]>, keying: &Keying) -> Vec<Result<Row, String>> {
    let (dir, path) = file(name, text);
    let folder = format!("{}/", dir.path().display());
    let tell = |error: LoadError| error.to_string().replace(&folder, "");
    match Rows::open(&path, None, keying) {
        Ok(rows) => rows.map(|row| row.map_err(tell)).collect(),
        Err(error) => vec![Err(tell(error))],
    }
}

fn row(number: u64, line: u64, key: &str, value: &str) -> Result<Row, String> {
    Ok(Row {
        number,
        line,
        pair: KeyValue {
            key: Key::try_from(key).unwrap(),
            value: Value::try_from(value).unwrap(),
        },
    })
}

#[test]
fn a_csv_row_becomes_a_key_and_an_object_in_the_order_of_its_columns() {
    let text = "zip,city,note\n00501,Holtsville,\"a \"\"quoted\"\"\nnote\"\n\n99950,Ketchikan,\n";
    assert_eq!(
        read("zips.csv", text, &keyed("zip", "zip:")),
        [
            row(
                1,
                2,
                "zip:00501",
                r#"{"zip":"00501","city":"Holtsville","note":"a \"quoted\"\nnote"}"#
            ),
            row(
                2,
                4,
                "zip:99950",
                r#"{"zip":"99950","city":"Ketchikan","note":""}"#
            ),
        ]
    );
}

#[test]
fn the_first_column_is_the_key_unless_another_is_named() {
    let rows = read("a.csv", "a,b\n1,2\n", &Keying::default());
    assert_eq!(rows, [row(1, 2, "1", r#"{"a":"1","b":"2"}"#)]);
    let rows = read("a.csv", "a,b\n1,2\n", &keyed("b", ""));
    assert_eq!(rows, [row(1, 2, "2", r#"{"a":"1","b":"2"}"#)]);
}

#[test]
fn a_json_row_is_kept_as_it_was_written() {
    let text =
        "\u{feff}{\"n\": 1.50, \"id\": 7}\n\n  {\"id\":\"x\",\"deep\":{\"z\":1,\"a\":[]}} \n";
    assert_eq!(
        read("rows.jsonl", text, &keyed("id", "row:")),
        [
            row(1, 1, "row:7", r#"{"n": 1.50, "id": 7}"#),
            row(2, 3, "row:x", r#"{"id":"x","deep":{"z":1,"a":[]}}"#),
        ]
    );
}

#[test]
fn a_bad_row_is_named_by_file_and_line_and_ends_the_reading() {
    let id = &keyed("id", "");
    let long_key = format!("id,b\n{},2\n", "k".repeat(5000));
    for (name, text, good, expected) in [
        (
            "a.csv",
            "id,b\n1,2\n1,2,3\n4,5\n",
            1,
            "a.csv:3: not a row of this table: it has 3 fields and the header 2",
        ),
        ("a.csv", "id,b\n1,2\n,2\n", 1, "a.csv:3: "),
        ("a.csv", &long_key, 0, "a.csv:2: "),
        (
            "a.csv",
            "id,id\n1,2\n",
            0,
            "a.csv:1: the column \"id\" is named twice",
        ),
        (
            "a.csv",
            "x,y\n1,2\n",
            0,
            "a.csv: there is no column \"id\"; there are x, y",
        ),
        (
            "a.jsonl",
            "{\"id\":1}\n{\"id\":\n",
            1,
            "a.jsonl:2: not a JSON object",
        ),
        ("a.jsonl", "[1]\n", 0, "a.jsonl:1: not a JSON object"),
        (
            "a.jsonl",
            "{\"x\":1}\n",
            0,
            "a.jsonl:1: the row has no field \"id\"",
        ),
        (
            "a.jsonl",
            "{\"id\":null}\n",
            0,
            "a.jsonl:1: the field \"id\" is neither",
        ),
        ("a.jsonl", "{\"id\":\"\"}\n", 0, "a.jsonl:1: "),
        ("a.bin", "", 0, "a.bin: neither .csv nor .jsonl"),
    ] {
        let rows = read(name, text, id);
        let error = rows[good].as_ref().unwrap_err();
        assert!(error.starts_with(expected), "{text:?} gave {error:?}");
        assert_eq!(rows.len(), good + 1, "{text:?}");
    }
    let rows = read("a.csv", b"id,b\n1,\xff\n", id);
    assert!(rows[0].as_ref().unwrap_err().contains("not UTF-8"));
    let rows = read("a.jsonl", "{}\n", &Keying::default());
    assert!(rows[0].as_ref().unwrap_err().contains("--key"));
}

#[test]
fn an_unclosed_quote_does_not_swallow_the_file() {
    let long = vec![b'x'; 3 * ROW_BYTES_MAX as usize];
    let csv = [&b"id,b\n1,\""[..], &long].concat();
    let rows = read("a.csv", csv, &keyed("id", ""));
    let error = rows[0].as_ref().unwrap_err();
    assert!(error.starts_with("a.csv:2: the row is longer"), "{error}");
    let json = [&b"{\"id\":\""[..], &long].concat();
    let rows = read("a.jsonl", json, &keyed("id", ""));
    let error = rows[0].as_ref().unwrap_err();
    assert!(error.starts_with("a.jsonl:1: the row is longer"), "{error}");
}

#[test]
fn a_table_of_nothing_but_its_header_has_no_rows() {
    assert_eq!(read("a.csv", "id,b\n", &keyed("id", "")), []);
    assert_eq!(read("a.jsonl", "", &keyed("id", "")), []);
}
