//! What is written in one module: the names that it defines or imports, and the paths that it mentions.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{
    Attribute, ImplItem, Item, ItemConst, ItemEnum, ItemExternCrate, ItemFn, ItemForeignMod, ItemImpl,
    ItemMacro, ItemMod, ItemStatic, ItemStruct, ItemTrait, ItemTraitAlias, ItemType, ItemUnion, ItemUse,
    Meta, Path, Token, UseTree,
    punctuated::Punctuated,
    visit::{self, Visit},
};

/// A module without its child modules and without code for tests.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) definitions: BTreeSet<String>,
    pub(super) imports: Vec<Import>,
    pub(super) mentions: Vec<Mention>,
}

/// What a `use` brings into scope; public or not, it serves children and those who name it through this module.
pub(super) struct Import {
    /// `*` for all names.
    pub(super) name: String,
    pub(super) path: Vec<String>,
}

/// A path as it is written; one that ends in `*` imports all names.
pub(super) struct Mention {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

impl Contents {
    pub(super) fn of(items: &[Item]) -> Self {
        let mut contents = Self::default();
        for item in items {
            if !is_for_tests(attributes(item)) {
                contents.definitions.extend(defined(item).map(Ident::to_string));
            }
            contents.visit_item(item);
        }
        contents
    }

    fn mention(&mut self, path: &[&Ident]) {
        if let Some(first) = path.first() {
            let line = first.span().start().line;
            self.mentions.push(Mention { path: path.iter().map(ToString::to_string).collect(), line });
        }
    }

    /// Takes a `use` apart; `prefix` has been read already.
    fn import(&mut self, tree: &UseTree, prefix: &[String]) {
        let joined = |last: &str| [prefix, &[last.to_owned()]].concat();
        let path_to =
            |ident: &Ident| if ident == "self" { prefix.to_vec() } else { joined(&ident.to_string()) };
        let (path, name, span) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &joined(&path.ident.to_string())),
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.import(tree, prefix)),
            UseTree::Glob(glob) => (joined("*"), Some("*".to_owned()), glob.star_token.spans[0]),
            UseTree::Name(name) => (path_to(&name.ident), None, name.ident.span()),
            UseTree::Rename(name) => (path_to(&name.ident), Some(name.rename.to_string()), name.ident.span()),
        };
        if let Some(name) = name.or_else(|| path.last().cloned()) {
            self.imports.push(Import { name, path: path.clone() });
        }
        self.mentions.push(Mention { path, line: span.start().line });
    }

    /// Attributes name functions and modules in strings too: `#[serde(with = "module")]`.
    fn text(&mut self, literal: &proc_macro2::Literal) {
        let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else { return };
        if let Ok(path) = text.parse::<Path>() {
            self.visit_path(&path);
        }
    }
}

impl<'ast> Visit<'ast> for Contents {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => return visit::visit_impl_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    /// Child modules speak for themselves.
    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            self.import(&item.tree, &[]);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            self.mention(&path.segments.iter().map(|segment| &segment.ident).collect::<Vec<_>>());
        }
        visit::visit_path(self, path);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        if let Meta::List(list) = &attribute.meta {
            for literal in literals(&list.tokens) {
                self.text(&literal);
            }
        }
        visit::visit_attribute(self, attribute);
    }

    /// What a macro is given need not be Rust, so paths are looked for among its tokens.
    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        let mut path = Vec::new();
        let mut colons = 0;
        let tokens: Vec<_> = tokens.clone().into_iter().collect();
        for token in &tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) if colons == 2 && !path.is_empty() => path.push(ident),
                TokenTree::Ident(ident) => {
                    self.mention(&path);
                    path = vec![ident];
                }
                _ => self.mention(&std::mem::take(&mut path)),
            }
            colons = 0;
            if let TokenTree::Group(group) = token {
                self.visit_token_stream(&group.stream());
            }
        }
        self.mention(&path);
    }
}

/// Whether these attributes compile an item for tests only.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            list.parse_args().is_ok_and(|meta| asks_for_tests(&meta))
        }
        _ => false,
    })
}

/// Whether the condition never holds outside of tests.
fn asks_for_tests(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => {
            let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
            parts.is_ok_and(|parts| parts.iter().any(asks_for_tests))
        }
        _ => false,
    }
}

fn literals(tokens: &TokenStream) -> Vec<proc_macro2::Literal> {
    let of_token = |token| match token {
        TokenTree::Literal(literal) => vec![literal],
        TokenTree::Group(group) => literals(&group.stream()),
        _ => Vec::new(),
    };
    tokens.clone().into_iter().flat_map(of_token).collect()
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(ItemConst { attrs, .. })
        | Item::Enum(ItemEnum { attrs, .. })
        | Item::ExternCrate(ItemExternCrate { attrs, .. })
        | Item::Fn(ItemFn { attrs, .. })
        | Item::ForeignMod(ItemForeignMod { attrs, .. })
        | Item::Impl(ItemImpl { attrs, .. })
        | Item::Macro(ItemMacro { attrs, .. })
        | Item::Mod(ItemMod { attrs, .. })
        | Item::Static(ItemStatic { attrs, .. })
        | Item::Struct(ItemStruct { attrs, .. })
        | Item::Trait(ItemTrait { attrs, .. })
        | Item::TraitAlias(ItemTraitAlias { attrs, .. })
        | Item::Type(ItemType { attrs, .. })
        | Item::Union(ItemUnion { attrs, .. })
        | Item::Use(ItemUse { attrs, .. }) => attrs,
        _ => &[],
    }
}

fn defined(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(ItemConst { ident, .. })
        | Item::Enum(ItemEnum { ident, .. })
        | Item::Static(ItemStatic { ident, .. })
        | Item::Struct(ItemStruct { ident, .. })
        | Item::Trait(ItemTrait { ident, .. })
        | Item::TraitAlias(ItemTraitAlias { ident, .. })
        | Item::Type(ItemType { ident, .. })
        | Item::Union(ItemUnion { ident, .. }) => Some(ident),
        Item::Fn(function) => Some(&function.sig.ident),
        Item::Macro(rules) => rules.ident.as_ref(),
        _ => None,
    }
}
