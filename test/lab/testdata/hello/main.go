// Command hello says that it is there, on its standard output and on port 8080. With an argument it fails instead.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Println("failing:", os.Args[1])
		os.Exit(1)
	}
	fmt.Println("hello, user", os.Getuid())
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		name, _ := os.Hostname()
		fmt.Fprintln(w, "hello from", name)
	})
	if err := http.ListenAndServe(":8080", nil); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
