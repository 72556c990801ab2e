//! The tabular benchmark's sets.

use super::{Content, DataFile, DataSet};

/// POWER and its fellows.
pub(super) const SETS: &[DataSet] = &[
    DataSet {
        name: "power",
        title: "Individual household electric power consumption",
        source: "UCI Machine Learning Repository, DOI 10.24432/C58K54",
        licence: "CC BY 4.0",
        advice: "the source's archive holds it by this name",
        layouts: &[&[DataFile {
            path: "power/household_power_consumption.txt",
            content: Content::Known {
                bytes: 132_960_755,
                sha256: "4259c9d7ece5dbee9ab8d53682baac68d791c864f0f64a52b4043cb3b90894b7",
            },
        }]],
    },
    DataSet {
        name: "gas",
        title: "Gas sensor array under dynamic gas mixtures",
        source: "UCI Machine Learning Repository, DOI 10.24432/C5WP4C",
        licence: "CC BY 4.0",
        advice: "the source's archive holds the text by this name",
        layouts: &[
            &[DataFile {
                path: "gas/ethylene_CO.txt",
                content: Content::Known {
                    bytes: 642_945_087,
                    sha256: "eb979ebf40f22bb7206b4fdd335fad6da51ad0289d2a37fdb1fff2f6e425487e",
                },
            }],
            &[DataFile::unknown("gas/ethylene_CO.txt.gz")],
        ],
    },
    DataSet {
        name: "hepmass",
        title: "HEPMASS, mass 1000",
        source: "UCI Machine Learning Repository, DOI 10.24432/C5PP5W",
        licence: "CC BY 4.0",
        advice: "the source has them compressed by these names",
        layouts: &[
            &[DataFile::unknown("hepmass/1000_train.csv.gz"), DataFile::unknown("hepmass/1000_test.csv.gz")],
            &[DataFile::unknown("hepmass/1000_train.csv"), DataFile::unknown("hepmass/1000_test.csv")],
        ],
    },
    DataSet {
        name: "miniboone",
        title: "MiniBooNE particle identification",
        source: "UCI Machine Learning Repository, DOI 10.24432/C5QC87",
        licence: "CC BY 4.0",
        advice: "the source's archive holds the text, that of Papamakarios et al. (2017) the array",
        layouts: &[
            &[DataFile::unknown("miniboone/MiniBooNE_PID.txt")],
            &[DataFile::unknown("miniboone/data.npy")],
        ],
    },
    DataSet {
        name: "miniboone-reduced",
        title: "MiniBooNE, published test and validation rows and 1523 training rows",
        source: "cut from the arrays of Papamakarios, Pavlakou and Murray, 2017",
        licence: "CC BY 4.0",
        advice: "standardised as published, in single precision",
        layouts: &[&[
            DataFile {
                path: "miniboone/miniboone_val.f32.npy",
                content: Content::Known {
                    bytes: 564_976,
                    sha256: "cf433a0c1d5d4c9cc31cdd79c37a997b67f9f257ebf654d2430fc1cf32486104",
                },
            },
            DataFile {
                path: "miniboone/miniboone_train_head1523.f32.npy",
                content: Content::Known {
                    bytes: 262_084,
                    sha256: "094fa873c5be5c202e666adedf85a05dacf53f9a7b79c467d59c764aa201dfc6",
                },
            },
            DataFile {
                path: "miniboone/miniboone_test.f32.npy",
                content: Content::Known {
                    bytes: 627_584,
                    sha256: "7237f368b77481e120a8c7e127d6c4c8e83b6f522ebe458f74018df1caef91de",
                },
            },
        ]],
    },
    DataSet {
        name: "bsds300",
        title: "Berkeley segmentation data set, 300 photographs",
        source: "Berkeley Computer Vision Group, BSDS300-images.tgz",
        licence: "non-commercial research",
        advice: "the source's archive holds the folder images, that of Papamakarios et al. (2017) the patches",
        layouts: &[
            &[DataFile::unknown("bsds300/BSDS300.hdf5")],
            &[
                DataFile {
                    path: "bsds300/images/train",
                    content: Content::Folder { n_files: 200, ending: "jpg" },
                },
                DataFile {
                    path: "bsds300/images/test",
                    content: Content::Folder { n_files: 100, ending: "jpg" },
                },
            ],
        ],
    },
];
