package electprom_test

import (
	"context"
	"encoding/json"
	"reflect"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/electprom"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

var perElection = []string{"elect_is_leader", "elect_epoch", "elect_lease_remaining_seconds"}

func open(t *testing.T) *elect.Client {
	t.Helper()
	client, err := elect.Open(&elect.Config{Store: "memory:", LogLevel: "off"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func add(t *testing.T, client *elect.Client, config elect.Config) *elect.Election {
	t.Helper()
	election, err := client.New(&config)
	if err != nil {
		t.Fatal(err)
	}
	return election
}

func lead(t *testing.T, election *elect.Election) {
	t.Helper()
	go election.Start(context.Background())
	if err := election.WaitElected(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// gather answers each metric's value by its name and the label "name".
func gather(t *testing.T, registry prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.Metric {
			key := family.GetName()
			for _, label := range metric.Label {
				if label.GetName() == "name" {
					key += " " + label.GetValue()
				}
			}
			values[key] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
		}
	}
	return values
}

func TestWhatIsSoIsCollected(t *testing.T) {
	client := open(t)
	leader := add(t, client, elect.Config{Name: "billing"})
	idle := add(t, client, elect.Config{Name: "reports"})
	collector := electprom.NewCollector(client, leader, idle)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector)
	lead(t, leader)

	values := gather(t, registry)
	if values["elect_is_leader billing"] != 1 || values["elect_is_leader reports"] != 0 {
		t.Error("who leads", values)
	}
	if epoch := uint64(values["elect_epoch billing"]); epoch == 0 || epoch != leader.Epoch() {
		t.Error("epoch", epoch, leader.Epoch())
	}
	if left := values["elect_lease_remaining_seconds billing"]; left <= 0 || left > (10*time.Second).Seconds() {
		t.Error("lease", left)
	}
	if values["elect_epoch reports"] != 0 || values["elect_lease_remaining_seconds reports"] != 0 {
		t.Error("a lease of a candidate that doesn't stand", values)
	}
	if values["elect_client_elections"] != 2 || values["elect_client_elections_led"] != 1 {
		t.Error("elections", values)
	}
	if values["elect_client_store_operations_total"] < 1 {
		t.Error("operations", values)
	}

	leader.Stop()
	if values := gather(t, registry); values["elect_is_leader billing"] != 0 || values["elect_epoch billing"] != 0 {
		t.Error("after its end", values)
	}
}

// The library's report is where the client's metrics come from: none of it is left out, none is missing there.
func TestEveryNumberOfTheReport(t *testing.T) {
	client := open(t)
	report, err := client.Report(context.Background(), "metrics")
	if err != nil {
		t.Fatal(err)
	}
	var numbers map[string]float64
	if err := json.Unmarshal(report, &numbers); err != nil {
		t.Fatal(err)
	}
	var reported []string
	for name := range numbers {
		reported = append(reported, name)
	}
	sort.Strings(reported)
	want := []string{"elections", "events_dropped", "events_queued", "leading", "operations"}
	if !reflect.DeepEqual(reported, want) {
		t.Errorf("the report has %v, the collector knows %v", reported, want)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(electprom.NewCollector(client))
	if values := gather(t, registry); len(values) != len(want) {
		t.Error(values)
	}
}

func TestNamesAndHelpAreProper(t *testing.T) {
	client := open(t)
	problems, err := testutil.CollectAndLint(electprom.NewCollector(client, add(t, client, elect.Config{Name: "billing"})))
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}

// A scrape asks the store nothing: what the client counts of its operations stays.
func TestAScrapeAsksNoStore(t *testing.T) {
	client := open(t)
	idle := add(t, client, elect.Config{Name: "billing"})
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(electprom.NewCollector(client, idle))
	before := gather(t, registry)["elect_client_store_operations_total"]
	for i := 0; i < 100; i++ {
		gather(t, registry)
	}
	if after := gather(t, registry)["elect_client_store_operations_total"]; after != before {
		t.Errorf("%v operations for 100 scrapes", after-before)
	}
}

func TestAddAndRemove(t *testing.T) {
	client := open(t)
	collector := electprom.NewCollector(client)
	count := func() int { return testutil.CollectAndCount(collector, perElection...) }
	first := add(t, client, elect.Config{Name: "billing", InstanceID: "a"})
	collector.Add(first)
	if n := count(); n != 3 {
		t.Error("added", n)
	}
	first.Stop()
	second := add(t, client, elect.Config{Name: "billing", InstanceID: "a"})
	collector.Add(second)
	if n := count(); n != 3 {
		t.Error("the next one beside the one that was stopped", n)
	}
	collector.Remove(first)
	if n := count(); n != 3 {
		t.Error("the next one was removed for the first", n)
	}
	collector.Remove(second)
	if n := count(); n != 0 {
		t.Error("removed", n)
	}
}

func TestTwoClientsInOneRegistry(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	for _, store := range []string{"one", "other"} {
		client := open(t)
		labelled := prometheus.WrapRegistererWith(prometheus.Labels{"store": store}, registry)
		labelled.MustRegister(electprom.NewCollector(client, add(t, client, elect.Config{Name: "billing"})))
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if len(family.Metric) != 2 || !strings.HasPrefix(family.GetName(), "elect_") {
			t.Error(family)
		}
	}
}

// What was closed is scraped until its collector is unregistered.
func TestAClosedClient(t *testing.T) {
	client := open(t)
	election := add(t, client, elect.Config{Name: "billing"})
	collector := electprom.NewCollector(client, election)
	lead(t, election)
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector)
	if values := gather(t, registry); values["elect_is_leader billing"] != 0 || values["elect_client_elections"] != 0 {
		t.Error(values)
	}
}

func TestScrapesAndChangesAtOnce(t *testing.T) {
	client := open(t)
	collector := electprom.NewCollector(client)
	var all sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		election := add(t, client, elect.Config{Name: name})
		all.Add(2)
		go func() {
			defer all.Done()
			lead(t, election)
			collector.Add(election)
			election.Stop()
			collector.Remove(election)
		}()
		go func() {
			defer all.Done()
			testutil.CollectAndCount(collector)
		}()
	}
	all.Wait()
	if n := testutil.CollectAndCount(collector, perElection...); n != 0 {
		t.Error(n)
	}
}
