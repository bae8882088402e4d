//! Gives the addon the name of the interface that it is built for, and the version of the package.

const INTERFACE: &str = "../../src/addon/interface.ts";

fn main() {
    napi_build::setup();
    println!("cargo:rerun-if-changed={INTERFACE}");
    let text = std::fs::read_to_string(INTERFACE).expect("the file is part of the package");
    let mut quoted = text.split('"').skip(1).step_by(2);
    for variable in ["MULTIPROCESSING_INTERFACE", "MULTIPROCESSING_VERSION"] {
        let value = quoted
            .next()
            .expect("two texts are in quotes, and no other");
        println!("cargo:rustc-env={variable}={value}");
    }
}
