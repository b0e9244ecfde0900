//! Generates the messages and services with protox: no protoc is needed on the machine.

use std::{env, error::Error, fs, path::Path, path::PathBuf};

use prost::Message;

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by variables")]
fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let public = protox::compile(protos(&root, "postbreeze/v1")?, [&root])?;
    fs::write(out.join("public_descriptors.bin"), public.encode_to_vec())?;

    let mut all = protos(&root, "postbreeze/v1")?;
    all.extend(protos(&root, "postbreeze/internal/v1")?);
    let all = protox::compile(all, [&root])?;
    fs::write(out.join("all_descriptors.bin"), all.encode_to_vec())?;
    tonic_prost_build::configure()
        // RPCs that are not served yet answer UNIMPLEMENTED from the generated code, the one place for it.
        .generate_default_stubs(true)
        .compile_fds(all)?;
    Ok(())
}

fn protos(root: &Path, package: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root.join(package))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
