//! The sets of images.

use super::{Content, DataFile, DataSet};

/// CIFAR-10 and its fellows.
pub(super) const SETS: &[DataSet] = &[
    DataSet {
        name: "cifar10",
        title: "CIFAR-10, 60 000 colour images of 32×32 pixels in 10 classes",
        source: "A. Krizhevsky, University of Toronto, cifar-10-binary.tar.gz at www.cs.toronto.edu/~kriz/cifar.html",
        licence: "none stated",
        advice: "the archive of the binary version holds the folder cifar-10-batches-bin",
        layouts: &[
            &[
                cifar10_batch(
                    "cifar10/cifar-10-batches-bin/data_batch_1.bin",
                    "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
                ),
                cifar10_batch(
                    "cifar10/cifar-10-batches-bin/data_batch_2.bin",
                    "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
                ),
                cifar10_batch(
                    "cifar10/cifar-10-batches-bin/data_batch_3.bin",
                    "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
                ),
                cifar10_batch(
                    "cifar10/cifar-10-batches-bin/data_batch_4.bin",
                    "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
                ),
                cifar10_batch(
                    "cifar10/cifar-10-batches-bin/data_batch_5.bin",
                    "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
                ),
                cifar10_batch(
                    "cifar10/cifar-10-batches-bin/test_batch.bin",
                    "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
                ),
            ],
            &[
                cifar10_batch(
                    "cifar-10-batches-bin/data_batch_1.bin",
                    "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
                ),
                cifar10_batch(
                    "cifar-10-batches-bin/data_batch_2.bin",
                    "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
                ),
                cifar10_batch(
                    "cifar-10-batches-bin/data_batch_3.bin",
                    "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
                ),
                cifar10_batch(
                    "cifar-10-batches-bin/data_batch_4.bin",
                    "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
                ),
                cifar10_batch(
                    "cifar-10-batches-bin/data_batch_5.bin",
                    "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
                ),
                cifar10_batch(
                    "cifar-10-batches-bin/test_batch.bin",
                    "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
                ),
            ],
        ],
    },
    DataSet {
        name: "imagenet32",
        title: "ImageNet downsampled to 32×32 pixels, 1 281 167 + 50 000 images in 1000 classes",
        source: "P. Chrabaszcz, I. Loshchilov and F. Hutter, 2017, Imagenet32_train_npz.zip and Imagenet32_val_npz.zip \
                 at image-net.org, with an account",
        licence: "non-commercial research",
        advice: "the archives hold the files by these names; any number of images in them will do",
        layouts: &[&[
            DataFile::unknown("imagenet32/train_data_batch_1.npz"),
            DataFile::unknown("imagenet32/train_data_batch_2.npz"),
            DataFile::unknown("imagenet32/train_data_batch_3.npz"),
            DataFile::unknown("imagenet32/train_data_batch_4.npz"),
            DataFile::unknown("imagenet32/train_data_batch_5.npz"),
            DataFile::unknown("imagenet32/train_data_batch_6.npz"),
            DataFile::unknown("imagenet32/train_data_batch_7.npz"),
            DataFile::unknown("imagenet32/train_data_batch_8.npz"),
            DataFile::unknown("imagenet32/train_data_batch_9.npz"),
            DataFile::unknown("imagenet32/train_data_batch_10.npz"),
            DataFile::unknown("imagenet32/val_data.npz"),
        ]],
    },
    DataSet {
        name: "flowers128",
        title: "Oxford flowers, photographs that become squares of 128×128 pixels",
        source: "Visual Geometry Group, University of Oxford, 102flowers.tgz at www.robots.ox.ac.uk/~vgg/data/flowers/102",
        licence: "none stated",
        advice: "the archive holds the folder jpg; jpg128 is the smaller set of 17 categories, cut to size",
        layouts: &[
            &[DataFile { path: "flowers128/jpg", content: Content::Folder { n_files: 8189, ending: "jpg" } }],
            &[
                DataFile {
                    path: "flowers128/jpg128",
                    content: Content::Folder { n_files: 1360, ending: "jpg" },
                },
                DataFile::unknown("flowers128/labels.csv"),
            ],
        ],
    },
    DataSet {
        name: "fashion-mnist",
        title: "Fashion-MNIST, 70 000 grey images of 28×28 pixels in 10 classes",
        source: "Zalando Research, github.com/zalandoresearch/fashion-mnist, or the package dataset-fashion-mnist of Debian",
        licence: "MIT",
        advice: "the source has them compressed by these names; Debian's lie in /usr/share/datasets/fashion-mnist",
        layouts: &[
            &[
                DataFile::unknown("fashion-mnist/train-images-idx3-ubyte.gz"),
                DataFile::unknown("fashion-mnist/train-labels-idx1-ubyte.gz"),
                DataFile::unknown("fashion-mnist/t10k-images-idx3-ubyte.gz"),
                DataFile::unknown("fashion-mnist/t10k-labels-idx1-ubyte.gz"),
            ],
            &[
                DataFile::unknown("fashion-mnist/train-images-idx3-ubyte"),
                DataFile::unknown("fashion-mnist/train-labels-idx1-ubyte"),
                DataFile::unknown("fashion-mnist/t10k-images-idx3-ubyte"),
                DataFile::unknown("fashion-mnist/t10k-labels-idx1-ubyte"),
            ],
        ],
    },
];

/// Ten thousand images of CIFAR-10.
const fn cifar10_batch(path: &'static str, sha256: &'static str) -> DataFile {
    DataFile { path, content: Content::Known { bytes: 30_730_000, sha256 } }
}
