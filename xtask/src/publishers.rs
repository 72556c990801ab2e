//! Where data sets are published, and what is known of the files there: the one table of addresses.
//!
//! A SHA-256 stands here only where independent sources agree on it, and its publisher's MD5 with them where there is
//! one. A file without one is known by what the set's card says of its content, or else by the first download, whose
//! SHA-256 is kept and compared with later ones.

/// How a data set is to be had.
pub(crate) enum Publication {
    /// By downloading these files, from anywhere.
    Open(&'static [Download]),
    /// Only by hand, in these steps.
    ByHand(&'static str),
}

/// One file as published.
pub(crate) struct Download {
    /// Its address; a mirror has it by the name after the last slash.
    pub(crate) url: &'static str,
    /// The file's SHA-256, where that is known.
    pub(crate) sha256: Option<&'static str>,
    /// What of it becomes what of the data set: the other files of an archive are left.
    pub(crate) places: &'static [Place],
}

/// A file or folder of an archive, or the download itself, and where it has to lie.
pub(crate) struct Place {
    /// Its path in the archive, without the folders before it.
    pub(crate) from: &'static str,
    /// Its path below the folder of the data sets.
    pub(crate) to: &'static str,
}

impl Download {
    /// The name of the file.
    pub(crate) fn name(&self) -> &'static str {
        self.url.rsplit('/').next().unwrap_or(self.url)
    }
}

/// How the data set of this name is to be had, if anything is known of it.
pub(crate) fn publication(set: &str) -> Option<&'static Publication> {
    TABLE.iter().find(|(name, _)| *name == set).map(|(_, publication)| publication)
}

/// One of the four files of Fashion-MNIST, which stay compressed.
macro_rules! idx {
    ($name:literal, $sha256:literal) => {
        Download {
            url: concat!("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/", $name),
            sha256: Some($sha256),
            places: &[Place { from: $name, to: concat!("fashion-mnist/", $name) }],
        }
    };
}

const TABLE: &[(&str, Publication)] = &[
    (
        "bsds300",
        Publication::Open(&[Download {
            url: "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/bsds/BSDS300-images.tgz",
            sha256: Some("a5f7d0e49fe135c75518a3543ced24470156fd69305ae77845dff2a5138652b4"),
            places: &[
                Place { from: "images/train", to: "bsds300/images/train" },
                Place { from: "images/test", to: "bsds300/images/test" },
            ],
        }]),
    ),
    (
        "cifar10",
        Publication::Open(&[Download {
            url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            sha256: Some("c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),
            places: &[Place { from: "cifar-10-batches-bin", to: "cifar10/cifar-10-batches-bin" }],
        }]),
    ),
    (
        "fashion-mnist",
        Publication::Open(&[
            idx!(
                "train-images-idx3-ubyte.gz",
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
            ),
            idx!(
                "train-labels-idx1-ubyte.gz",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
            ),
            idx!(
                "t10k-images-idx3-ubyte.gz",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
            ),
            idx!(
                "t10k-labels-idx1-ubyte.gz",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
            ),
        ]),
    ),
    (
        "flowers128",
        Publication::Open(&[Download {
            url: "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/102flowers.tgz",
            sha256: Some("2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246"),
            places: &[Place { from: "jpg", to: "flowers128/jpg" }],
        }]),
    ),
    (
        "gas",
        Publication::Open(&[Download {
            url: "https://archive.ics.uci.edu/static/public/322/gas+sensor+array+under+dynamic+gas+mixtures.zip",
            sha256: None,
            places: &[Place { from: "ethylene_CO.txt", to: "gas/ethylene_CO.txt" }],
        }]),
    ),
    (
        "hepmass",
        // The archive of the whole set has 7.9 GB, these two files of it a quarter.
        Publication::Open(&[
            Download {
                url: "https://archive.ics.uci.edu/ml/machine-learning-databases/00347/1000_train.csv.gz",
                sha256: None,
                places: &[Place { from: "1000_train.csv.gz", to: "hepmass/1000_train.csv.gz" }],
            },
            Download {
                url: "https://archive.ics.uci.edu/ml/machine-learning-databases/00347/1000_test.csv.gz",
                sha256: None,
                places: &[Place { from: "1000_test.csv.gz", to: "hepmass/1000_test.csv.gz" }],
            },
        ]),
    ),
    (
        "imagenet32",
        Publication::ByHand(
            "ask for an account at image-net.org/signup (research only), log in and accept the terms,\n      \
             open image-net.org/download-images, there \"Download downsampled image data\", and get\n      \
             Imagenet32_train_npz.zip and Imagenet32_val_npz.zip; unpack both into imagenet32/",
        ),
    ),
    (
        "miniboone",
        Publication::Open(&[Download {
            url: "https://archive.ics.uci.edu/static/public/199/miniboone+particle+identification.zip",
            sha256: None,
            places: &[Place { from: "MiniBooNE_PID.txt", to: "miniboone/MiniBooNE_PID.txt" }],
        }]),
    ),
    (
        "miniboone-reduced",
        Publication::ByHand(
            "nobody publishes these files; the whole set is `cargo xtask data miniboone --fetch`",
        ),
    ),
    (
        "power",
        Publication::Open(&[Download {
            url: "https://archive.ics.uci.edu/static/public/235/individual+household+electric+power+consumption.zip",
            sha256: None,
            places: &[Place {
                from: "household_power_consumption.txt",
                to: "power/household_power_consumption.txt",
            }],
        }]),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_download_is_named_hashed_and_placed_as_it_should() {
        for (set, publication) in TABLE {
            let Publication::Open(downloads) = publication else { continue };
            for download in *downloads {
                assert!(download.url.starts_with("https://"), "{set}: {}", download.url);
                assert!(!download.name().is_empty() && !download.places.is_empty(), "{set}");
                let hexadecimal =
                    |hash: &str| hash.len() == 64 && hash.bytes().all(|b| b"0123456789abcdef".contains(&b));
                assert!(download.sha256.is_none_or(hexadecimal), "{set}");
            }
        }
        let mut names: Vec<_> = TABLE.iter().map(|(set, _)| *set).collect();
        names.dedup();
        assert!(names.len() == TABLE.len() && names.is_sorted());
    }
}
