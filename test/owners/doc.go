// Package owners lets owners of an object (Flux, Helm, Argo CD's way of applying,
// kubectl) write it again after we changed it, each with its own library, and
// compares what happens with what the plan had said. It is a module of its own:
// their dependencies are not the plugin's.
package owners
