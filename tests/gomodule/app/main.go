// Leads once on the store that it is given, as a program outside this repository would.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/libelect/libelect/go/elect"
)

func main() {
	config := elect.DefaultConfig()
	config.Store, config.Name = os.Args[1], "gomodule"
	election, err := elect.New(config)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = election.Run(ctx, func(ctx context.Context, term elect.Term) error {
		if err := term.Check(); err != nil {
			return err
		}
		fmt.Println("leads:", election.IsLeader())
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("leads:", election.IsLeader())
}
