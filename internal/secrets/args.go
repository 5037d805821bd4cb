package secrets

import "strings"

// Args finds the credentials in a command and its arguments: flags with their
// values, NAME=VALUE, and what a shell is told to do.
func Args(args []string) []Hit {
	var out []Hit
	for _, list := range inArgs(args) {
		out = append(out, hits(list)...)
	}
	return out
}

// inArgs is what was found in each argument.
func inArgs(args []string) [][]found {
	out := make([][]found, len(args))
	for i, arg := range args {
		list := inArg(arg)
		if i > 0 && !strings.Contains(args[i-1], "=") && isFlag(args[i-1]) && !isFlag(arg) {
			if f, ok := named(args[i-1], arg, loose); ok {
				list = append(list, f)
			}
		}
		list = append(list, inCommand(args, i)...)
		list = hideNames(arg, distinct(list))
		for n := range list {
			list[n].Line = 0
		}
		out[i] = list
	}
	return out
}

func isFlag(arg string) bool {
	return len(arg) > 2 && arg[0] == '-' && !strings.ContainsAny(arg, " \n")
}

func inArg(arg string) []found {
	if strings.ContainsAny(arg, " \n\t") { // a script
		return inText("", arg)
	}
	list := append(formats(arg), connections(arg)...)
	name, value, ok := strings.Cut(arg, "=")
	if ok {
		if f, is := named(lastPart(name), value, loose); is {
			f.Key = safeKey(name)
			list = append(list, f.at(len(name)+1))
		}
		for i := range list {
			if list[i].Key == "" && list[i].start > len(name) {
				list[i].Key = safeKey(name)
			}
		}
	}
	// Several settings in one argument: --set a=1,auth.password=x
	return append(list, connectionPairs(arg)...)
}

// lastPart is the flag itself of --set auth.password.
func lastPart(name string) string { return strings.TrimLeft(name, "-") }

// inCommand knows the flags of clients that are no words.
func inCommand(args []string, i int) []found {
	if len(args) == 0 || i == 0 {
		return nil
	}
	command := args[0][strings.LastIndexByte(args[0], '/')+1:]
	add := func(key string, start int) []found {
		value := args[i][start:]
		if len(value) < 3 || isPlain(value) || strings.HasPrefix(value, "$") {
			return nil
		}
		return []found{newFound(Named, whats[strong], key, start, len(args[i]))}
	}
	switch command {
	case "mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump", "mariadb-admin":
		if strings.HasPrefix(args[i], "-p") && len(args[i]) > 2 {
			return add("-p", 2)
		}
	case "redis-cli":
		if args[i-1] == "-a" || args[i-1] == "--pass" {
			return add(args[i-1], 0)
		}
	case "curl", "wget":
		if args[i-1] == "-u" || args[i-1] == "--user" {
			if at := strings.IndexByte(args[i], ':'); at > 0 {
				return add(args[i-1], at+1)
			}
		}
	case "sshpass":
		if args[i-1] == "-p" {
			return add("-p", 0)
		}
	}
	return nil
}
