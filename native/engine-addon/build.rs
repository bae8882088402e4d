//! Gives the addon the name of the interface that it is built for.

const INTERFACE: &str = "../../src/engine/interface.ts";

fn main() {
    napi_build::setup();
    println!("cargo:rerun-if-changed={INTERFACE}");
    let text = std::fs::read_to_string(INTERFACE).expect("the file is part of the package");
    let name = text.split('"').nth(1).expect("the name is in quotes");
    println!("cargo:rustc-env=ENGINE_INTERFACE={name}");
}
