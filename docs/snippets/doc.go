// Package snippets checks the Go in ../*.md that needs packages of others, which the kit's own
// module does not depend on.
package snippets
