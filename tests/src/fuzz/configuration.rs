//! A node's configuration file.

use std::path::Path;

use host_native::config::Layers;

use super::Depth;

/// Takes a file.
pub fn body(bytes: &[u8]) -> Depth {
    let Ok(text) = str::from_utf8(bytes) else {
        return Depth::Refused;
    };
    let place = Path::new("/etc/kraft/kraft.toml");
    let read = |text: &str| Layers::new().text(place, text);
    let Ok(layers) = read(text) else {
        return Depth::Refused;
    };
    // It would be read.
    if text.contains("zones_file") {
        return Depth::Refused;
    }
    let Ok(config) = layers.config() else {
        return Depth::Refused;
    };
    let _ = (
        config.warnings(),
        config.check_server(),
        config.check_client(),
    );
    for written in [config.to_file(), layers.effective().expect("it is one")] {
        let again = read(&written).and_then(|layers| layers.config());
        let again = again.unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!(again, config, "{written}");
    }
    Depth::Taken
}
