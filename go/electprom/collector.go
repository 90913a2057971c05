// Package electprom tells Prometheus who leads.
//
//	collector := electprom.NewCollector(client, billing, reports)
//	prometheus.MustRegister(collector)
//
// Several clients in one process: give each a label of its own, by prometheus.WrapRegistererWith.
package electprom

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/libelect/libelect/go/elect"
	"github.com/prometheus/client_golang/prometheus"
)

var ofElection = []string{"name", "instance_id"}

var (
	isLeader = prometheus.NewDesc("elect_is_leader",
		"1 while this candidate leads, else 0.", ofElection, nil)
	epoch = prometheus.NewDesc("elect_epoch",
		"Epoch (fencing token) of this candidate's term; 0 when it has none.", ofElection, nil)
	lease = prometheus.NewDesc("elect_lease_remaining_seconds",
		"How long this candidate's lease is proven to last; 0 when it has none.", ofElection, nil)
)

// A clientMetric is one that libelect counts for a client: key is what its report calls it.
type clientMetric struct {
	key  string
	desc *prometheus.Desc
	kind prometheus.ValueType
}

var clientMetrics = []clientMetric{
	{"elections", prometheus.NewDesc("elect_client_elections",
		"Elections of this client, from when they are made until they end.", nil, nil), prometheus.GaugeValue},
	{"leading", prometheus.NewDesc("elect_client_elections_led",
		"Elections of this client in which it leads.", nil, nil), prometheus.GaugeValue},
	{"operations", prometheus.NewDesc("elect_client_store_operations_total",
		"What this client has asked of its store.", nil, nil), prometheus.CounterValue},
	{"events_queued", prometheus.NewDesc("elect_client_events_queued",
		"Events that wait to be read by this process.", nil, nil), prometheus.GaugeValue},
	{"events_dropped", prometheus.NewDesc("elect_client_log_events_dropped_total",
		"Log events that were dropped because earlier ones were not read in time.", nil, nil), prometheus.CounterValue},
}

// A Collector collects what is known of a client and of its elections. A scrape asks no store: it costs a few
// microseconds for the client, and less than one for each election. It may be used from any goroutine.
type Collector struct {
	client    *elect.Client
	mu        sync.Mutex
	elections map[labels]*elect.Election
}

var _ prometheus.Collector = (*Collector)(nil)

// labels tell elections apart: two that agree in them would spoil a scrape.
type labels struct{ name, instanceID string }

func labelsOf(election *elect.Election) labels {
	return labels{election.Name(), election.GetInstanceID()}
}

// NewCollector collects from this client and these elections. Of an elect.New the client is election.Client().
func NewCollector(client *elect.Client, elections ...*elect.Election) *Collector {
	collector := &Collector{client: client, elections: map[labels]*elect.Election{}}
	collector.Add(elections...)
	return collector
}

// Add has further elections collected. One with the name and the instance id of an earlier one takes its place: an
// election that was stopped doesn't start again, the next one does.
func (c *Collector) Add(elections ...*elect.Election) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, election := range elections {
		c.elections[labelsOf(election)] = election
	}
}

// Remove ends that.
func (c *Collector) Remove(elections ...*elect.Election) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, election := range elections {
		if labels := labelsOf(election); c.elections[labels] == election {
			delete(c.elections, labels)
		}
	}
}

// Describe is for Prometheus.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{isLeader, epoch, lease} {
		descs <- desc
	}
	for _, metric := range clientMetrics {
		descs <- metric.desc
	}
}

// Collect is for Prometheus.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	c.collectClient(metrics)
	c.mu.Lock()
	defer c.mu.Unlock()
	for labels, election := range c.elections {
		gauge := func(desc *prometheus.Desc, value float64) {
			metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels.name, labels.instanceID)
		}
		leads := 0.0
		if election.IsLeader() {
			leads = 1
		}
		gauge(isLeader, leads)
		gauge(epoch, float64(election.Epoch())) // below 2^53, as stores keep it
		gauge(lease, election.LeaseRemaining().Seconds())
	}
}

func (c *Collector) collectClient(metrics chan<- prometheus.Metric) {
	var values map[string]float64
	report, err := c.client.Report(context.Background(), "metrics")
	if err == nil {
		err = json.Unmarshal(report, &values)
	}
	for _, metric := range clientMetrics {
		if err != nil {
			metrics <- prometheus.NewInvalidMetric(metric.desc, err)
			continue
		}
		metrics <- prometheus.MustNewConstMetric(metric.desc, metric.kind, values[metric.key])
	}
}
