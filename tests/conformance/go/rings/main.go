// Says who owns keys on the hash rings of serialx/hashring and stathat/consistent.
//
// Reads one ring per line: the library, points of each node, the nodes to remove (or -), all nodes, the keys. For
// serialx the nodes are given by their points, "node-number=place", and a key is its own place, places being 64-bit
// numbers that stand for hashes; stathat has only names, and hashes them itself.
//
// Writes for each line the owners, in order.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/serialx/hashring"
	"github.com/stathat/consistent"
)

type place uint64

func (p place) Less(other hashring.HashKey) bool { return p < other.(place) }

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		words := strings.Split(lines.Text(), " ")
		points, err := strconv.Atoi(words[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		left := strings.Split(words[2], ",")
		nodes, keys := strings.Split(words[3], ","), strings.Split(words[4], ",")
		owner := map[string]func(int, []string, []string) func(string) string{
			"serialx": serialx, "stathat": stathat,
		}[words[0]](points, nodes, left)
		for _, key := range keys {
			fmt.Fprint(out, owner(key), " ")
		}
		fmt.Fprintln(out)
	}
}

func serialx(points int, nodes, left []string) func(string) string {
	places, weights := map[string]place{}, map[string]int{}
	for _, node := range nodes {
		name, number, _ := strings.Cut(node, "=")
		places[name] = parse(number)
		weights[strings.Split(name, "-")[0]] = points
	}
	ring := hashring.NewWithHashAndWeights(weights, func(name []byte) hashring.HashKey {
		if at, ok := places[string(name)]; ok {
			return at
		}
		return parse(string(name))
	})
	for _, node := range left {
		ring = ring.RemoveNode(node)
	}
	return func(key string) string {
		owner, _ := ring.GetNode(key)
		return owner
	}
}

func stathat(points int, nodes, left []string) func(string) string {
	ring := consistent.New()
	ring.NumberOfReplicas = points
	ring.Set(nodes)
	for _, node := range left {
		ring.Remove(node)
	}
	return func(key string) string {
		owner, err := ring.Get(key)
		if err != nil {
			panic(err)
		}
		return owner
	}
}

func parse(number string) place {
	value, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		panic(err)
	}
	return place(value)
}
