//! Lets the installed binary find the libtorch it was built with, without `LD_LIBRARY_PATH`.

use std::path::Path;

fn main() {
    // libtorch's binding says where it has found the libraries, be it a folder or a Python torch.
    let Ok(folder) = std::env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    if let Ok(folder) = Path::new(&folder).canonicalize() {
        println!("cargo::rustc-link-arg-bins=-Wl,-rpath,{}", folder.display());
    }
}
