//! A new migration is compiled in even when no source file changed.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
