//! The macro behind the registries of data sets and of sets of images.

/// Makes an enum of configs, one variant for each line `"kind" => Variant(Config)`, that is told apart in a file by the
/// key `kind`. A `Config` has a constant `CARDS` with the texts of the cards of the files that it reads, and a method
/// `load(&self, data: &Path)`, whose product `$wrap` turns into `$product`.
macro_rules! registry {
    (
        $(#[$about:meta])*
        $name:ident => $product:ty, by $wrap:path;
        $($(#[$doc:meta])* $kind:literal => $variant:ident($config:ty),)+
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "kind")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $kind)] $variant($config),)+
        }

        impl $name {
            /// The values of the key `kind` in a config.
            pub const KINDS: &'static [&'static str] = &[$($kind),+];

            /// The cards of the files that the kinds read.
            pub(crate) const CARDS: &'static [&'static [&'static str]] = &[$(<$config>::CARDS),+];

            /// The value of the key `kind`, one of [`Self::KINDS`].
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $kind,)+
                }
            }

            /// Loads it from its files below the folder `data`.
            ///
            /// # Errors
            /// [`Error::Missing`](crate::Error::Missing) if a published file is not there; other errors name the file
            /// that cannot be read, is damaged or does not fit the config.
            pub fn load(&self, data: &std::path::Path) -> crate::error::Result<$product> {
                match self {
                    $(Self::$variant(config) => Ok($wrap(config.load(data)?)),)+
                }
            }
        }

        $(
            impl From<$config> for $name {
                fn from(config: $config) -> Self {
                    Self::$variant(config)
                }
            }
        )+
    };
}
