//! Step 5: where everything is, and how to go on by hand.

use std::env;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Ending;
use super::cluster::Cluster;
use super::error::DemoError;
use super::screen::Screen;

pub(super) async fn step(
    mut cluster: Cluster,
    ending: Ending,
    screen: &Screen,
) -> Result<(), DemoError> {
    let pids: Vec<u32> = cluster
        .nodes()
        .iter()
        .filter_map(|node| node.pid())
        .collect();
    match ending {
        Ending::Stop => {
            screen.heading("5. The nodes are stopped; everything they wrote is kept");
            cluster.stop().await?;
        }
        Ending::Keep => {
            screen.heading("5. The nodes go on without the demo");
            cluster.leave()?;
        }
    }
    let dir = cluster.dir.display();
    screen.say(format_args!("Everything      {dir}"));
    screen.say(format_args!("Authority       {dir}/ca.pem, ca.key"));
    screen.say(format_args!(
        "Each node       {dir}/node-1, -2, -3: kraft.toml, certificate, data"
    ));
    screen.say(format_args!("Their logs      {dir}/node-1/server.log, …"));
    screen.gap();
    let kraft = word(&shortest(&cluster.program));
    screen.say("To go on by hand:");
    if ending == Ending::Stop {
        for node in cluster.nodes() {
            screen.say(format_args!(
                "  {kraft} server --config {} &",
                word(&node.config)
            ));
        }
    }
    screen.say(format_args!(
        "  export KRAFT_CONFIG={}",
        word(&cluster.client_config)
    ));
    for command in [
        "put account:42 100 --mode ALL --fsync ALWAYS",
        "status",
        "get account:42",
        "scan user: --limit 5",
    ] {
        screen.say(format_args!("  {kraft} {command}"));
    }
    if let Some(node) = cluster.nodes().first() {
        screen.say(format_args!("  curl http://{}/metrics", node.admin));
    }
    screen.say(match ending {
        Ending::Stop => "To stop the nodes: kill %1 %2 %3. To remove everything:".to_owned(),
        Ending::Keep => {
            let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
            format!(
                "To stop the nodes: kill {}. To remove everything:",
                pids.join(" ")
            )
        }
    });
    screen.say(format_args!("  rm -r {}", word(&cluster.dir)));
    screen.gap();
    screen.fact(json!({
        "step": "farewell",
        "dir": cluster.dir,
        "client_config": cluster.client_config,
        "running": match ending {
            Ending::Stop => Vec::new(),
            Ending::Keep => pids,
        },
        "logs": cluster.nodes().iter().map(|node| &node.log).collect::<Vec<_>>(),
    }));
    Ok(())
}

/// How the program can be called from here.
fn shortest(program: &Path) -> PathBuf {
    let below = env::current_dir()
        .ok()
        .and_then(|here| Some(program.strip_prefix(here).ok()?.to_owned()));
    below.unwrap_or_else(|| program.to_owned())
}

/// A path as one word of a shell.
fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+".contains(c);
    match text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        assert_eq!(word(Path::new("/tmp/kraft-1")), "/tmp/kraft-1");
        assert_eq!(word(Path::new("/tmp/it's here")), r"'/tmp/it'\''s here'");
    }
}
