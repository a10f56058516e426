//! Durability chosen per request: a critical transaction, and a background event.
//!
//! Against a running cluster, with the client's configuration that `kraft init` wrote:
//!
//! ```text
//! cargo run --example per_request -- cluster/client.toml
//! ```

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use kraft_client::durability::Fallback;
use kraft_client::modes::{CommitMode, FsyncMode};
use kraft_client::{Client, ClientConfig};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let file: PathBuf = std::env::args_os()
        .nth(1)
        .context("which client configuration? usage: per_request CLIENT_TOML")?
        .into();
    let client = Client::from_config(&ClientConfig::load(&file)?).await?;

    // A critical financial transaction: every voter's disk, or no acknowledgement as asked. Both
    // accounts change together or not at all.
    let answer = client
        .put_many([("account:alice", "900"), ("account:bob", "1100")])
        .mode(CommitMode::All)
        .fsync(FsyncMode::Always)
        .timeout(Duration::from_secs(10))
        .fallback(Fallback::Refuse)
        .send()
        .await?;
    println!("transaction {answer}");
    println!("its fate: {:?}", client.fate(answer.position).await?.fate);

    // A background analytics event: nobody waits for it.
    client
        .put("event:page-view", "/pricing")
        .mode(CommitMode::Async)
        .submit()?;

    // The same, heard of when it is accepted.
    client
        .put("event:click", "buy")
        .mode(CommitMode::Async)
        .submit_then(|result| match result {
            Ok(answer) => println!("event       {answer}"),
            Err(error) => println!("event       {error}"),
        })?;

    // Submitted writes are on their way; a program that ends now would take them along.
    client.idle().await;

    let balance = client.get("account:alice").await?;
    println!("alice has {}", balance.context("no such account")?);
    Ok(())
}
