//! The registry of sets of images: which there are, and what each is loaded by.
//!
//! A further set is one file in this folder, which holds its config and its loader, its line in the registry and, where
//! its files are published, its card in `catalogue`.

use std::convert::identity;

use super::cifar10::Cifar10;
use super::digits::Digits;
use super::folder::Folder;
use super::idx::Idx;
use super::imagenet32::Imagenet32;
use super::parquet::ParquetImages;
use super::parts::ImageParts;

registry! {
    /// A set of images, as a config file names it by its key `kind`.
    ImageSetConfig => ImageParts, by identity;

    /// CIFAR-10, 50 000 + 10 000 images of 3×32×32.
    "cifar10" => Cifar10(Cifar10),
    /// ImageNet downsampled to 3×32×32, 1 281 167 + 50 000 images.
    "imagenet32" => Imagenet32(Imagenet32),
    /// A folder of pictures, cut and resized to squares of 3 channels.
    "folder" => Folder(Folder),
    /// Encoded pictures in a Parquet file or a folder of them, cut and resized as those of a folder.
    "parquet" => Parquet(ParquetImages),
    /// A folder of IDX files, as those of MNIST.
    "idx" => Idx(Idx),
    /// 1797 handwritten digits of 1×8×8 with 17 levels; they are part of the program.
    "digits" => Digits(Digits),
}
