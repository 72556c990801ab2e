// libtorch contains gloo but ships none of its headers, and c10d's own headers ask for five of them. Of these they need
// names, and what the classes in c10d derive from or call inline: this folder declares no more than that.
#pragma once
