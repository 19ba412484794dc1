package main

// Main is the program: its tests run it in processes of their own.
var Main = main
